"""What a payload field holds in all records that match: how often each value, the least and the greatest.

Both read every matching payload of one snapshot, some at a time, and answer exactly or not at all: a
field with more distinct values than can be counted in bounded memory is refused, never cut short.

A value is a string, a number, a boolean or null; of an array, each distinct element of these kinds counts
once a record. Objects, and arrays within arrays, are no values, but the record has the field.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypedDict, cast

import msgspec

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.filters.matcher import MISSING
from asteroid_cloud.query.limits import (
    FACET_LIMIT_MAX,
    FACET_TEXT_BYTES_MAX,
    FACET_VALUES_MAX,
    FIELD_BYTES_MAX,
)
from asteroid_cloud.query.selection.bitmaps import ordinals_between
from asteroid_cloud.query.selection.filter_cache import FilterCache, select
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, TooLarge

# Payloads read at once: at the largest payload this is 64 MiB, at a usual one 1 MiB.
ROWS_A_READ = 1_024
# Rows of a part that are told apart in one step, whatever its size.
ROWS_A_STEP = 1 << 17

Path = tuple[str, ...]
Scalar = str | int | float | bool | None
Key = str | int | float | tuple[bool | None]
"""A value as it is counted: true and null are wrapped, for Python takes true for 1."""


class FacetValue(msgspec.Struct, frozen=True):
    """One value and how many records have it."""

    value: Scalar
    count: int


class Facets(msgspec.Struct, frozen=True):
    """The commonest values of a field, the most frequent first, and what there is beside them."""

    values: list[FacetValue]
    distinct: int
    """How many different values there are, those not listed too."""
    rows: int
    """Records that match."""
    rows_with_field: int
    rows_without_field: int


class Bounds(msgspec.Struct, frozen=True):
    """The least and the greatest value of one kind, and how many records have any of it."""

    rows: int
    min: int | float | str
    max: int | float | str


class FieldRange(msgspec.Struct, frozen=True):
    """Between which values a field lies; None for a kind that no record has."""

    numbers: Bounds | None
    strings: Bounds | None
    """By code point."""
    rows: int
    rows_with_field: int
    rows_without_field: int


def field_path(field: object) -> Path:
    """The path that a field's name is, ``a.b`` for b in a; raises InvalidRequest ``bad_field``."""
    try:
        size = len(field.encode()) if isinstance(field, str) else 0
    except UnicodeEncodeError:  # half of a surrogate pair
        size = 0
    if not 1 <= size <= FIELD_BYTES_MAX or not isinstance(field, str) or field.startswith("$"):
        raise InvalidRequest(
            f"field must be a path of 1 to {FIELD_BYTES_MAX} bytes that does not begin with $",
            code="bad_field",
        )
    return tuple(field.split("."))


def facets(
    snapshot: Snapshot, masks: FilterCache, path: Path, filter: Filter = MATCH_ALL, *, limit: object = 10
) -> Facets:
    """The ``limit`` commonest values, with exact counts; of equally common ones the least.

    Raises InvalidRequest ``bad_limit``, TooLarge ``too_many_values`` for more than FACET_VALUES_MAX distinct
    values or FACET_TEXT_BYTES_MAX bytes of them.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= FACET_LIMIT_MAX:
        raise InvalidRequest(f"limit must be an integer from 1 to {FACET_LIMIT_MAX}", code="bad_limit")
    tally, rows, present = _Tally(), 0, 0
    for values in _column(snapshot, masks, path, filter):
        rows += len(values)
        for value in values:
            if value is not MISSING:
                present += 1
                tally.add_row(value)
    return Facets(tally.top(limit), len(tally.counts), rows, present, rows - present)


def field_range(snapshot: Snapshot, masks: FilterCache, path: Path, filter: Filter = MATCH_ALL) -> FieldRange:
    """The least and the greatest number and string, exactly, and how many records have any."""
    numbers, strings = _Extent(), _Extent()
    rows = present = 0
    for values in _column(snapshot, masks, path, filter):
        rows += len(values)
        for value in values:
            if value is MISSING:
                continue
            present += 1
            each = value if type(value) is list else (value,)
            numbers.add_row([one for one in each if type(one) is int or type(one) is float])
            strings.add_row([one for one in each if type(one) is str])
    return FieldRange(numbers.bounds(), strings.bounds(), rows, present, rows - present)


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


class _Extent:
    """The least and the greatest of what is added."""

    def __init__(self) -> None:
        self._rows = 0
        self._least: Any = None
        self._greatest: Any = None

    def add_row(self, values: list[Any]) -> None:
        """Takes in the values of one kind that a row has."""
        if not values:
            return
        least, greatest = min(values), max(values)
        if self._rows == 0 or least < self._least:
            self._least = least
        if self._rows == 0 or greatest > self._greatest:
            self._greatest = greatest
        self._rows += 1

    def bounds(self) -> Bounds | None:
        """What there was; None for nothing."""
        return Bounds(self._rows, _number(self._least), _number(self._greatest)) if self._rows else None


def _is_scalar(value: object) -> bool:
    return type(value) is not dict and type(value) is not list


def _key(value: Any) -> Key:
    return (value,) if value is None or type(value) is bool else value


def _value(key: Key) -> Scalar:
    return key[0] if isinstance(key, tuple) else _number(key)


def _number(value: Any) -> Any:
    """Of 1 and 1.0, which are one value, always the integer, whichever record was read first."""
    return int(value) if type(value) is float and abs(value) < 2**63 and value.is_integer() else value


def _by_frequency(item: tuple[Key, int]) -> tuple[int, int, Any]:
    """Orders values: the commoner first, then null, booleans, numbers, strings, each by size."""
    key, count = item
    if isinstance(key, tuple):
        return -count, 0, key[0] is not None and 1 + key[0]
    return -count, 2 if isinstance(key, str) else 1, key


def _column(snapshot: Snapshot, masks: FilterCache, path: Path, filter: Filter) -> Iterator[list[Any]]:
    """The value at the path in each record that matches, or MISSING, some records at a time."""
    decode = _decoder(path[0]).decode
    for view in snapshot.parts:
        mask = select(view, filter, masks).mask
        for start in range(0, view.rows, ROWS_A_STEP):
            ordinals = ordinals_between(mask, start, min(start + ROWS_A_STEP, view.rows))
            for first in range(0, len(ordinals), ROWS_A_READ):
                texts = view.payloads(ordinals[first : first + ROWS_A_READ])
                try:
                    yield [_at(decode(text), path) if text else MISSING for text in texts]
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    reason = f"not a JSON object: {error}"
                    raise CorruptionError(f"payloads of {view.key}", int(ordinals[first]), reason) from error


def _at(document: Any, path: Path) -> Any:
    for step in path:
        if type(document) is not dict:
            return MISSING
        document = document.get(step, MISSING)
    return document


@lru_cache(maxsize=64)
def _decoder(root: str) -> msgspec.json.Decoder[dict[str, Any]]:
    """Decodes only one field at the top; the others are skipped, not built.

    Unless its name is not ASCII: msgspec 0.22 then misses fields of a TypedDict that are there.
    """
    if not root.isascii():
        return msgspec.json.Decoder(dict[str, Any])
    shape = TypedDict("Document", {root: Any}, total=False)  # type: ignore[misc]
    return cast("msgspec.json.Decoder[dict[str, Any]]", msgspec.json.Decoder(shape))
