"""What every part of an index is, to those who read: rows with ids, records and payloads."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.columns import Columns
from asteroid_cloud.indexer.model.deletions import test_bits
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import CorruptionError

TakeBytes = Callable[[int], None]
"""Called with the bytes of some texts or vectors before they are held; it raises when they are too many."""


def unbounded(size: int) -> None:
    """Lets a read hold whatever it finds."""


class Part(Protocol):
    """A run of rows that never change once written; a memtable grows at its end, a segment does not."""

    @property
    def native(self) -> core.Part:
        """The rows as the native core holds them."""
        ...

    @property
    def key(self) -> Hashable:
        """Names the part for ever: no other part of this process has or will have it."""
        ...

    @property
    def is_flat(self) -> bool:
        """Whether it has no graph, so that searching it means scanning it."""
        ...

    @property
    def newest_lsn(self) -> Lsn | None:
        """The LSN after which it got no row; None while it has none."""
        ...

    @property
    def payload_bytes(self) -> int:
        """About how many bytes all payload texts have together."""
        ...

    @property
    def has_large_payloads(self) -> bool:
        """Whether some payloads are larger than those of version 0.1 could be."""
        ...

    @property
    def bare_rows(self) -> int:
        """How many rows have no vector, dead ones too; 0 in an index whose rows need one."""
        ...

    def has_vectors(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of the rows have a vector."""
        ...

    def vector_bits(self, rows: int) -> NDArray[np.uint8]:
        """The same of the first ``rows`` rows, as packed bits, little end first; spare bits may be set."""
        ...

    @property
    def fields(self) -> Columns | None:
        """The columns over the payloads; None when filters have to read the payloads themselves."""
        ...

    def text_index(
        self, text: TextDefinition, rows: int, take: TakeBytes = unbounded
    ) -> core.TextIndex | None:
        """The words of the first ``rows`` payloads at least; None while they are not indexed like that.

        ``take`` hears of payloads that have to be read for it, before they are held.
        """
        ...

    def text_rows(self, text: TextDefinition) -> int:
        """How many rows are indexed like that already."""
        ...

    def find(self, ids: Keys, rows: int) -> NDArray[np.int64]:
        """The newest row below ``rows`` that holds each id, dead or alive; -1 where there is none."""
        ...

    def payloads(self, ordinals: NDArray[np.uint32], take: TakeBytes = unbounded) -> list[bytes]:
        """The payload text of each row; b"" where there is none. ``take`` hears of them before."""
        ...

    def payload_sizes(self, ordinals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The bytes of each of these texts."""
        ...

    def large_payloads(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of the rows may have a large payload, of which few are to be held at a time."""
        ...


def damaged(part: Part, damage: core.DamagedSegment) -> CorruptionError:
    """The error for a part that is not as it was when it was opened."""
    kind, number = part.key if isinstance(part.key, tuple) else ("part", 0)
    return CorruptionError(f"{kind} {number}", 0, str(damage))


@dataclass(frozen=True, slots=True)
class PartView:
    """One part as a snapshot sees it: its first ``rows`` rows, of which ``live`` are alive."""

    part: Part
    rows: int
    live: int
    alive: NDArray[np.uint8] | None
    """Packed bits, little end first; None when every row is alive."""

    @property
    def key(self) -> Hashable:
        """Names the part for ever."""
        return self.part.key

    @property
    def without_vector(self) -> int:
        """How many living rows have no vector."""
        if not self.part.bare_rows:
            return 0
        found = self.part.vector_bits(self.rows)
        if self.alive is not None:
            found = found & self.alive
        return self.live - int(np.bitwise_count(found).sum()) + self._beyond(found)

    def _beyond(self, bits: NDArray[np.uint8]) -> int:
        """Bits that are set behind the last row."""
        return (int(bits[-1]) >> self.rows % 8).bit_count() if self.rows % 8 else 0

    def ids(self, ordinals: NDArray[np.uint32]) -> Keys:
        """The id of each row; raises CorruptionError when the file was damaged since it was opened."""
        try:
            return self.part.native.ids(ordinals)
        except core.DamagedSegment as damage:
            raise damaged(self.part, damage) from damage

    def all_ids(self) -> Keys:
        """The ids of all rows, dead ones too, in row order."""
        return self.part.native.first_ids(self.rows)

    def find(self, ids: Keys) -> NDArray[np.int64]:
        """The living row of each id, or -1."""
        rows = self.part.find(ids, self.rows)
        if self.alive is not None:
            present = np.flatnonzero(rows >= 0)
            dead = ~test_bits(self.alive, rows[present].astype(np.uint32))
            rows[present[dead]] = -1
        return rows

    def in_order(
        self, mask: NDArray[np.uint8] | None, after: str | None, wanted: int
    ) -> tuple[NDArray[np.uint32], int]:
        """Rows of the mask, or all, with the least ids greater than ``after``, in order: ``wanted`` or less.

        Also how many rows were looked at. Only where ids are strings; raises as ``ids``.
        """
        try:
            return core.first_in_order(self.part.native, self.rows, mask, after, wanted)
        except core.DamagedSegment as damage:
            raise damaged(self.part, damage) from damage

    def vectors(self, ordinals: NDArray[np.uint32]) -> NDArray[np.float32]:
        """The dequantised vector of each row, float32 [len(ordinals), dim]."""
        return self.part.native.vectors(ordinals)

    def payloads(self, ordinals: NDArray[np.uint32], take: TakeBytes = unbounded) -> list[bytes]:
        """The payload text of each row; b"" where there is none. ``take`` hears of them before."""
        return self.part.payloads(ordinals, take)
