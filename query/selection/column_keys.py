"""The keys of columns: what a value is cut or rounded to, in an order that agrees with the values' own."""

from __future__ import annotations

from asteroid_cloud.indexer import Column

EXACT_INTEGERS = float(2**53)


def utf8(text: str) -> bytes:
    """The bytes that order as the text does; half a surrogate pair, which no payload has, has some too."""
    return text.encode("utf-8", "surrogatepass")


def double(number: int | float) -> float:
    """The nearest double."""
    try:
        return float(number) + 0.0  # −0 is 0
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def key_of(value: int | float | str, column: Column) -> float | bytes:
    """The key of a number or a string in a column of its kind."""
    return utf8(value)[: column.key_bytes] if isinstance(value, str) else double(value)


def is_whole(key: float | bytes, column: Column) -> bool:
    """Whether values with this key are all equal to it."""
    return len(key) < column.key_bytes if isinstance(key, bytes) else abs(key) < EXACT_INTEGERS
