"""The keys of columns: what a value is cut or rounded to, in an order that agrees with the values' own."""

from __future__ import annotations

from asteroid_cloud.indexer import Column
from asteroid_cloud.query.filters.value_list import double, utf8

EXACT_INTEGERS = float(2**53)


def key_of(value: int | float | str, column: Column) -> float | bytes:
    """The key of a number or a string in a column of its kind."""
    return utf8(value)[: column.key_bytes] if isinstance(value, str) else double(value)


def is_whole(key: float | bytes, column: Column) -> bool:
    """Whether values with this key are all equal to it."""
    return len(key) < column.key_bytes if isinstance(key, bytes) else abs(key) < EXACT_INTEGERS
