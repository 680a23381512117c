"""Packed bitmaps over the rows of a part: bit i is ``bits[i // 8] >> (i % 8) & 1``, spare bits are clear."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]

ROWS_A_STEP = 1 << 17
"""Rows of a part that are turned into ordinals at a time; it bounds the memory, however large the part is."""


def bytes_for(rows: int) -> int:
    """Bytes that a bitmap over so many rows takes."""
    return (rows + 7) // 8


def pack(flags: NDArray[np.bool_]) -> Bits:
    """A bitmap of one flag a row."""
    return np.packbits(flags, bitorder="little")


def first_rows(bits: Bits, rows: int) -> Bits:
    """The bitmap cut to its first ``rows`` rows; a view of it where that is possible."""
    cut = bits[: bytes_for(rows)]
    if rows % 8 and cut[-1] >> (rows % 8):
        cut = cut.copy()
        cut[-1] &= (1 << rows % 8) - 1
    return cut


def every_row(rows: int) -> Bits:
    """A bitmap with every row set."""
    return first_rows(np.full(bytes_for(rows), 0xFF, np.uint8), rows)


def with_rows(ordinals: NDArray[np.uint32], size: int) -> Bits:
    """A bitmap of ``size`` bytes with these rows set."""
    flags = np.zeros(8 * size, np.bool_)
    flags[ordinals] = True
    return pack(flags)


def has(bits: Bits, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether each of the rows is set."""
    found: NDArray[np.bool_] = (bits[ordinals >> 3] >> (ordinals & 7).astype(np.uint8) & 1).astype(np.bool_)
    return found


def count(bits: Bits) -> int:
    """How many rows are set."""
    return int(np.bitwise_count(bits).sum())


def nth_set(bits: Bits, numbers: NDArray[np.int64]) -> NDArray[np.uint32]:
    """The set rows of these numbers, counted from 0 among all set rows; there must be as many."""
    before = np.cumsum(np.bitwise_count(bits), dtype=np.int64)
    bytes_ = np.searchsorted(before, numbers, side="right")
    within = numbers - np.where(bytes_ > 0, before[bytes_ - 1], 0)
    flags = np.unpackbits(bits[bytes_], bitorder="little").reshape(-1, 8)
    places = np.argmax(np.cumsum(flags, axis=1) > within[:, None], axis=1)
    found: NDArray[np.uint32] = (8 * bytes_ + places).astype(np.uint32)
    return found


def ordinals_between(bits: Bits | None, start: int, stop: int) -> NDArray[np.uint32]:
    """The set rows from ``start``, a multiple of 8, to before ``stop``, ascending; all of them for None."""
    assert start % 8 == 0, "a bitmap is cut at whole bytes"
    if bits is None:
        return np.arange(start, stop, dtype=np.uint32)
    flags = np.unpackbits(bits[start // 8 : bytes_for(stop)], count=stop - start, bitorder="little")
    return (np.flatnonzero(flags) + start).astype(np.uint32)


def ordinals_in_steps(bits: Bits | None, rows: int) -> Iterator[NDArray[np.uint32]]:
    """The set rows, ascending, some at a time; every row for None."""
    for start in range(0, rows, ROWS_A_STEP):
        yield ordinals_between(bits, start, min(start + ROWS_A_STEP, rows))
