"""Which rows of a part are deleted, now and as of an earlier LSN.

A checkpoint at LSN A describes the rows as record A left them, although later records have deleted more:
replay starts at A + 1, and an upsert that keeps the old payload has to find the row that it replaces. So
deletions newer than the last checkpoint are remembered with their LSN.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.wal import Lsn

DELETION_BYTES = 12
"""RAM of remembering one deletion."""


def packed(rows: int) -> NDArray[np.uint8]:
    """Room for a bit a row, all clear; bit i is ``bits[i // 8] >> (i % 8) & 1``."""
    return np.zeros((rows + 7) // 8, np.uint8)


def set_bits(bits: NDArray[np.uint8], ordinals: NDArray[np.uint32]) -> None:
    """Sets the bit of each ordinal in place."""
    np.bitwise_or.at(bits, ordinals >> 3, np.left_shift(1, ordinals & 7).astype(np.uint8))


def clear_bits(bits: NDArray[np.uint8], ordinals: NDArray[np.uint32]) -> None:
    """Clears the bit of each ordinal in place."""
    np.bitwise_and.at(bits, ordinals >> 3, ~np.left_shift(1, ordinals & 7).astype(np.uint8))


def test_bits(bits: NDArray[np.uint8], ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether the bit of each ordinal is set."""
    shifted = bits[ordinals >> 3] >> (ordinals & 7).astype(np.uint8)
    return np.asarray(shifted & 1, np.bool_)


def listed(bits: NDArray[np.uint8], rows: int) -> NDArray[np.uint32]:
    """The ordinals below ``rows`` whose bit is set, ascending."""
    return np.flatnonzero(np.unpackbits(bits, count=rows, bitorder="little")).astype(np.uint32)


class Deletions:
    """The deleted ("dead") rows of one part; they change in LSN order, as records are applied."""

    def __init__(self, capacity: int, dead: NDArray[np.uint8] | None = None) -> None:
        self._dead = packed(capacity) if dead is None else dead.copy()
        # A record and a row for each deletion, in LSN order: 12 bytes, however many records there are.
        self._lsns = array("Q")
        self._ordinals = array("I")
        self.count = int(np.bitwise_count(self._dead).sum())

    def mark_deleted(self, lsn: Lsn, ordinals: NDArray[np.uint32]) -> None:
        """Marks rows that were alive until now as deleted by record ``lsn``."""
        if len(ordinals) == 0:
            return
        if self._lsns and lsn < self._lsns[-1]:
            raise AssertionError(f"record {lsn} deletes after record {self._lsns[-1]}")
        set_bits(self._dead, ordinals)
        self._ordinals.frombytes(ordinals.astype(np.uint32).tobytes())
        self._lsns.extend([lsn] * len(ordinals))
        self.count += len(ordinals)

    def is_dead(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Whether each row is dead now."""
        return test_bits(self._dead, ordinals)

    def alive(self, rows: int) -> NDArray[np.uint8] | None:
        """A copy of the bits of living rows below ``rows``; None when none of them is dead."""
        if self.count == 0:
            return None
        alive = ~self._dead[: (rows + 7) // 8]
        if rows % 8:
            alive[-1] &= (1 << rows % 8) - 1
        return alive

    def dead_as_of(self, lsn: Lsn) -> NDArray[np.uint8]:
        """A copy of the bits of rows that were dead once record ``lsn`` was applied."""
        dead = self._dead.copy()
        for _, ordinals in self.deleted_after(lsn):
            clear_bits(dead, ordinals)
        return dead

    def count_as_of(self, lsn: Lsn) -> int:
        """How many rows were dead once record ``lsn`` was applied."""
        return self.count - self.count_after(lsn)

    def deleted_after(self, lsn: Lsn) -> list[tuple[Lsn, NDArray[np.uint32]]]:
        """What records later than ``lsn`` deleted, the oldest first."""
        first = bisect_right(self._lsns, lsn)
        lsns = np.array(self._lsns[first:], np.uint64)
        ordinals = np.array(self._ordinals[first:], np.uint32)
        records, starts = np.unique(lsns, return_index=True)
        groups = np.split(ordinals, starts[1:]) if len(records) else []
        return [(Lsn(record), rows) for record, rows in zip(records.tolist(), groups, strict=True)]

    def count_after(self, lsn: Lsn) -> int:
        """How many rows were deleted by records later than ``lsn``."""
        return len(self._lsns) - bisect_right(self._lsns, lsn)

    @property
    def ram_bytes(self) -> int:
        """RAM of the bits, of the readers' copy once there is one, and of the deletions remembered."""
        return self._dead.nbytes * (2 if self.count else 1) + DELETION_BYTES * len(self._lsns)

    def forget(self, lsn: Lsn) -> None:
        """Forgets what is needed only to tell the deleted rows as of an LSN before ``lsn``."""
        first = bisect_right(self._lsns, lsn)
        self._lsns, self._ordinals = self._lsns[first:], self._ordinals[first:]
