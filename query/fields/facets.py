"""The commonest values of a payload field, with exact counts.

Every matching payload of one snapshot is read, and the answer is exact or refused: a field with more distinct
values than can be counted in bounded memory is never cut short.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import msgspec

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.fields.values import canonical_number, column
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.filters.paths import Path
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.limits import (
    FACET_CONTAINS_BYTES_MAX,
    FACET_LIMIT_MAX,
    FACET_TEXT_BYTES_MAX,
    FACET_VALUES_MAX,
)
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

Scalar = str | int | float | bool | None
Key = str | int | float | tuple[bool | None]
"""A value as it is counted: true and null are wrapped, for Python takes true for 1."""
Order = Callable[[tuple[Key, int]], Any]
"""What values with their counts are sorted by."""


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
    offset: object = 0,
    order: object = "count",
    contains: object = None,
    work: Work = UNBOUNDED,
) -> Facets:
    """The ``limit`` commonest values after the first ``offset``, with exact counts.

    Equally common ones, and all with the ``order`` "value", stand in order of value: null, booleans, numbers,
    strings. With ``contains`` only strings with this text in them are counted as values.

    Raises InvalidRequest ``bad_limit``, ``bad_offset``, ``bad_order``, ``bad_contains``; TooLarge
    ``too_many_values`` for more than FACET_VALUES_MAX distinct values or FACET_TEXT_BYTES_MAX bytes of them.
    """
    first, most = (
        _checked(offset, "offset", 0, FACET_VALUES_MAX),
        _checked(limit, "limit", 1, FACET_LIMIT_MAX),
    )
    if order not in ("count", "value"):
        raise InvalidRequest(f'order must be "count" or "value", not {order!r:.80}', code="bad_order")
    tally, rows, present = _Tally(_checked_text(contains)), 0, 0
    for values in column(snapshot, cache, path, filter, work):
        rows += len(values)
        for value in values:
            if value is not MISSING:
                present += 1
                tally.add_row(value)
    values = tally.listed(first, most, _by_frequency if order == "count" else _by_value)
    return Facets(values, len(tally.counts), rows, present, rows - present)


def _checked(value: object, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequest(
            f"{name} must be an integer from {least} to {most}", code=f"bad_{name}", limit=most
        )
    return value


def _checked_text(contains: object) -> str | None:
    try:
        size = len(contains.encode()) if isinstance(contains, str) else 0
    except UnicodeEncodeError:  # half of a surrogate pair
        size = FACET_CONTAINS_BYTES_MAX + 1
    if contains is not None and (not isinstance(contains, str) or size > FACET_CONTAINS_BYTES_MAX):
        message = f"contains must be a string of at most {FACET_CONTAINS_BYTES_MAX} bytes"
        raise InvalidRequest(message, code="bad_contains", limit=FACET_CONTAINS_BYTES_MAX)
    return contains


class _Tally:
    """How many rows have each value, of those that contain a text if there is one."""

    def __init__(self, contains: str | None) -> None:
        self.counts: dict[Key, int] = {}
        self._contains = contains
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
        if self._contains is not None and (type(key) is not str or self._contains not in key):
            return
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

    def listed(self, offset: int, limit: int, order: Order) -> list[FacetValue]:
        """``limit`` values in an order, after the first ``offset``."""
        found = heapq.nsmallest(offset + limit, self.counts.items(), key=order)
        return [FacetValue(_value(key), count) for key, count in found[offset:]]


def _is_scalar(value: object) -> bool:
    return type(value) is not dict and type(value) is not list


def _key(value: Any) -> Key:
    return (value,) if value is None or type(value) is bool else value


def _value(key: Key) -> Scalar:
    return key[0] if isinstance(key, tuple) else canonical_number(key)


def _by_frequency(item: tuple[Key, int]) -> Any:
    """Orders values: the commoner first, then by value."""
    return -item[1], _by_value(item)


def _by_value(item: tuple[Key, int]) -> Any:
    """Orders values: null, booleans, numbers, strings by code point."""
    key = item[0]
    if isinstance(key, tuple):
        return 0, key[0] is not None and 1 + key[0]
    return 2 if isinstance(key, str) else 1, key
