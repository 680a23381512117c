"""The rows that stand first in an order, of all that were looked at so far: as many as are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from asteroid_cloud.query.records.order import OTHERS, OrderBy, Position
from asteroid_cloud.wal.limits import MIB

TEXT_BYTES_MAX = 32 * MIB
"""What the strings of a pool take, about; it then holds fewer rows than are wanted, but two at least."""


class Entry(NamedTuple):
    """A row, and what it is ordered by."""

    value: Any
    id: Any
    part: int
    ordinal: int


class OrderPool:
    """The first ``wanted`` rows after a position; sorted only when it has grown to twice as many."""

    def __init__(self, order: OrderBy, after: Position | None, wanted: int) -> None:
        self.order = order
        self.after = after
        self.wanted = wanted
        """How many rows it holds at most; less than were asked for, when their strings are long."""
        self.worst: tuple[int, Any] | None = None
        """The rank and value of a row that those beyond need not be added to; None while all are wanted."""
        self._by_rank: list[list[Entry]] = [[] for _ in range(OTHERS + 1)]
        self._text_bytes = 0

    def needs(self, rank: int, value: Any = None) -> bool:
        """Whether a row of this rank, and of this value if that is given, may be among the first."""
        if self.worst is None or rank != self.worst[0]:
            return self.worst is None or rank < self.worst[0]
        return rank == OTHERS or not self.order.is_after(value, self.worst[1])

    def add(self, rank: int, entries: Sequence[Entry]) -> None:
        """Takes in rows that are known to stand after the position."""
        self._by_rank[rank] += entries
        self._text_bytes += sum(_text_bytes(each) for each in entries)
        held = sum(map(len, self._by_rank))
        is_full_at_last = self.worst is None and held >= self.wanted
        if is_full_at_last or held > 2 * self.wanted or self._text_bytes > 2 * TEXT_BYTES_MAX:
            self.trim()

    def trim(self) -> None:
        """Sorts, and drops what is not wanted."""
        held = self._text_bytes = 0
        for rank, entries in enumerate(self._by_rank):
            entries.sort(key=lambda entry: entry.id)
            if rank != OTHERS:  # stable, so that ids ascend within a value in both directions
                entries.sort(key=lambda entry: entry.value, reverse=self.order.is_descending)
            del entries[self.wanted - held :]
            for place, entry in enumerate(entries):
                self._text_bytes += _text_bytes(entry)
                if self._text_bytes > TEXT_BYTES_MAX and held + place >= 2:
                    self._text_bytes -= _text_bytes(entry)
                    self.wanted = held + place
                    del entries[place:]
                    break
            held += len(entries)
        if held >= self.wanted:
            rank = max(rank for rank, entries in enumerate(self._by_rank) if entries)
            self.worst = rank, self._by_rank[rank][-1].value

    def sorted(self) -> list[tuple[int, Entry]]:
        """What it holds, in order, with the rank of each."""
        self.trim()
        return [(rank, entry) for rank, entries in enumerate(self._by_rank) for entry in entries]


def _text_bytes(entry: Entry) -> int:
    return 4 * len(entry.value) if type(entry.value) is str else 0
