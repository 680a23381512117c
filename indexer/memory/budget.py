"""The memory budget of a store, and the shares of it that its parts use.

A part asks for its share and reads ``bytes_max`` whenever it needs it: a share may grow or shrink while the
store is open. The part also says how its use is measured, so that the figures come from the parts themselves.
ARCHITECTURE.md lists the shares under "Where the memory goes".
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from asteroid_cloud.indexer.model.options import BUDGET_BYTES_DEFAULT
from asteroid_cloud.wal.append import LogBuffers
from asteroid_cloud.wal.limits import KIB

SHARE_BYTES_MIN = 64 * KIB


class Share:
    """One part's share of the budget: a fraction of it, and at least ``SHARE_BYTES_MIN``."""

    def __init__(self, name: str, budget: MemoryBudget, fraction: Fraction) -> None:
        self.name = name
        self.fraction = fraction
        self._budget = budget
        self._meter: Callable[[], int] = lambda: 0

    @property
    def bytes_max(self) -> int:
        """How much may be used now."""
        share = self._budget.bytes_max * self.fraction.numerator // self.fraction.denominator
        return max(share, SHARE_BYTES_MIN)

    @property
    def used(self) -> int:
        """How much is used now; 0 until somebody uses the share."""
        return self._meter()

    def measure_with(self, meter: Callable[[], int]) -> None:
        """Takes ``meter`` as the source of ``used``, in place of an earlier one."""
        self._meter = meter


class MemoryBudget:
    """So many bytes, cut into shares; their sum stays below the budget."""

    def __init__(self, bytes_max: int = BUDGET_BYTES_DEFAULT) -> None:
        self.bytes_max = bytes_max
        self.tail = self._share("tail", 1, 4)
        """Rows that are in no segment yet, and deletions since the checkpoint; writers wait beyond it."""
        self.deletions = self._share("deletions", 1, 16)
        """Of the tail's share, the deletions since the checkpoint that make another checkpoint due."""
        self.sealing = self._share("sealing", 1, 8)
        """Sealing one memtable, beside the memtable itself."""
        self.building = self._share("building", 3, 8)
        """The one merge or bulk load that builds at a time."""
        self.columns = self._share("columns", 1, 32)
        """Of the share of whoever writes a segment, the values that are sorted at a time."""
        self.filters = self._share("filters", 1, 16)
        """Bitmaps of filters that are kept for the next search."""
        self.log = self._share("log", 1, 8)
        """Records that wait to be written or to be applied."""
        self.readers = self._share("readers", 1, 16)
        """What grows with the data alone: deleted rows, payload tables, the top of each graph."""

    @property
    def shares(self) -> list[Share]:
        """All shares."""
        return [share for share in vars(self).values() if isinstance(share, Share)]

    @property
    def log_buffers(self) -> LogBuffers:
        """How the log uses its share: half of it for records that wait to be applied.

        The other half is four times what waits to be written: records are encoded, joined and compressed.
        """
        share = self.log.bytes_max
        return LogBuffers(max(share // 8, SHARE_BYTES_MIN), max(share // 2, SHARE_BYTES_MIN))

    def use(self) -> dict[str, int]:
        """The bytes in use, by the name of the share."""
        return {share.name: share.used for share in self.shares}

    def _share(self, name: str, numerator: int, denominator: int) -> Share:
        return Share(name, self, Fraction(numerator, denominator))
