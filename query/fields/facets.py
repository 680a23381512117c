"""The commonest values of a payload field, with exact counts.

Every matching payload of one snapshot is read, and the answer is exact or refused: a field with more distinct
values than can be counted in bounded memory is never cut short.
"""

from __future__ import annotations

import heapq
from typing import Any

import msgspec

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.fields.values import canonical_number, column
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.filters.paths import Path
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.limits import FACET_LIMIT_MAX, FACET_TEXT_BYTES_MAX, FACET_VALUES_MAX
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

Scalar = str | int | float | bool | None
Key = str | int | float | tuple[bool | None]
"""A value as it is counted: true and null are wrapped, for Python takes true for 1."""


class FacetValue(msgspec.Struct, frozen=True):
    """One value and how many records have it."""

    value: Scalar
    count: int


class Facets(msgspec.Struct, frozen=True):
    """The commonest values of a field, the most frequent first, and how many rows and values there are."""

    values: list[FacetValue]
    distinct: int
    """How many different values there are, those not listed too."""
    rows: int
    """Records that match."""
    rows_with_field: int
    rows_without_field: int


def facets(
    snapshot: Snapshot,
    cache: FilterCache,
    path: Path,
    filter: Filter = MATCH_ALL,
    *,
    limit: object = 10,
    work: Work = UNBOUNDED,
) -> Facets:
    """The ``limit`` commonest values, with exact counts; of equally common ones the least.

    Raises InvalidRequest ``bad_limit``, TooLarge ``too_many_values`` for more than FACET_VALUES_MAX distinct
    values or FACET_TEXT_BYTES_MAX bytes of them.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= FACET_LIMIT_MAX:
        raise InvalidRequest(f"limit must be an integer from 1 to {FACET_LIMIT_MAX}", code="bad_limit")
    tally, rows, present = _Tally(), 0, 0
    for values in column(snapshot, cache, path, filter, work):
        rows += len(values)
        for value in values:
            if value is not MISSING:
                present += 1
                tally.add_row(value)
    return Facets(tally.top(limit), len(tally.counts), rows, present, rows - present)


class _Tally:
    """How many rows have each value."""

    def __init__(self) -> None:
        self.counts: dict[Key, int] = {}
        self._text_bytes = 0

    def add_row(self, value: Any) -> None:
        """Counts the value, or each distinct element, once."""
        if type(value) is not list:
            self._add(value)
        elif len(value) == 1:
            self._add(value[0])
        else:
            for key in {_key(each) for each in value if _is_scalar(each)}:
                self._add_key(key)

    def _add(self, value: Any) -> None:
        if _is_scalar(value):
            self._add_key(_key(value))

    def _add_key(self, key: Key) -> None:
        count = self.counts.get(key, 0)
        self.counts[key] = count + 1
        if count == 0:
            self._text_bytes += len(key.encode()) if type(key) is str else 0
            if len(self.counts) > FACET_VALUES_MAX or self._text_bytes > FACET_TEXT_BYTES_MAX:
                raise TooLarge(
                    f"the field has more than {FACET_VALUES_MAX} distinct values, or {FACET_TEXT_BYTES_MAX} "
                    "bytes of them, in the records that match; count them under a narrower filter",
                    code="too_many_values",
                    limit=FACET_VALUES_MAX,
                )

    def top(self, limit: int) -> list[FacetValue]:
        """The most frequent values."""
        found = heapq.nsmallest(limit, self.counts.items(), key=_by_frequency)
        return [FacetValue(_value(key), count) for key, count in found]


def _is_scalar(value: object) -> bool:
    return type(value) is not dict and type(value) is not list


def _key(value: Any) -> Key:
    return (value,) if value is None or type(value) is bool else value


def _value(key: Key) -> Scalar:
    return key[0] if isinstance(key, tuple) else canonical_number(key)


def _by_frequency(item: tuple[Key, int]) -> tuple[int, int, Any]:
    """Orders values: the commoner first, then null, booleans, numbers, strings, each by size."""
    key, count = item
    if isinstance(key, tuple):
        return -count, 0, key[0] is not None and 1 + key[0]
    return -count, 2 if isinstance(key, str) else 1, key
