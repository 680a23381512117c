"""The least and the greatest value of a payload field."""

from __future__ import annotations

from typing import Any

import msgspec

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.fields.values import canonical_number, column
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.filters.paths import Path
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.work import UNBOUNDED, Work


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


def field_range(
    snapshot: Snapshot,
    cache: FilterCache,
    path: Path,
    filter: Filter = MATCH_ALL,
    work: Work = UNBOUNDED,
) -> FieldRange:
    """The least and the greatest number and string, exactly, and how many records have any."""
    numbers, strings = _Extent(), _Extent()
    rows = present = 0
    for values in column(snapshot, cache, path, filter, work):
        rows += len(values)
        for value in values:
            if value is MISSING:
                continue
            present += 1
            each = value if type(value) is list else (value,)
            numbers.add_row([one for one in each if type(one) is int or type(one) is float])
            strings.add_row([one for one in each if type(one) is str])
    return FieldRange(numbers.bounds(), strings.bounds(), rows, present, rows - present)


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
        return (
            Bounds(self._rows, canonical_number(self._least), canonical_number(self._greatest))
            if self._rows
            else None
        )
