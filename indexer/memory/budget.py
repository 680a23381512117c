"""The memory budget, and the shares of it that the parts of an index use.

All collections of one store, or of one server, have a ``SharedBudget`` in common, and each open one of them
a ``MemoryBudget``. A part asks for its share and reads ``bytes_max`` whenever it needs it: a share grows and
shrinks while the index is open. The part also says how its use is measured, so that the figures come from the
parts themselves. ARCHITECTURE.md lists the shares under "Where the memory goes".
"""

from __future__ import annotations

from collections.abc import Callable

from asteroid_cloud.indexer.memory.pool import Pool
from asteroid_cloud.indexer.memory.share import SHARE_BYTES_MIN, PooledShare, Share
from asteroid_cloud.indexer.memory.shared_limits import SharedLimits
from asteroid_cloud.indexer.memory.turns import Turns
from asteroid_cloud.indexer.model.options import BUDGET_BYTES_DEFAULT
from asteroid_cloud.wal.append import LogBuffers


class SharedBudget:
    """So many bytes for all open collections of one store; for one event loop.

    The tail, the log's buffers and the bitmaps of filters are pools, which are divided by need. Sealing and
    building have a share each that one collection uses at a time.
    """

    def __init__(self, bytes_max: int = BUDGET_BYTES_DEFAULT) -> None:
        self.bytes_max = bytes_max
        self.tail = Pool(self._part(1, 4))
        """Rows that are in no segment yet, and deletions since the checkpoint; writers wait beyond it."""
        self.filters = Pool(self._part(1, 16))
        """Bitmaps of filters that are kept for the next search."""
        self.log = Pool(self._part(1, 8))
        """Records that wait to be written or to be applied."""
        self.limits = SharedLimits()
        """Of what goes on at the same time."""
        self.sealing = Turns(self._part(1, 8))
        """Sealing one memtable, beside the memtable itself."""
        self.building = Turns(self._part(3, 8))
        """The one merge or bulk load that builds at a time."""

    @property
    def columns_bytes_max(self) -> int:
        """Of the share of whoever writes a segment, the values that are sorted at a time."""
        return self._part(1, 32)()

    @property
    def readers_bytes_max(self) -> int:
        """What grows with the data alone: deleted rows, payload tables, the top of each graph."""
        return self._part(1, 16)()

    def _part(self, numerator: int, denominator: int) -> Callable[[], int]:
        return lambda: max(self.bytes_max * numerator // denominator, SHARE_BYTES_MIN)


class MemoryBudget:
    """The shares of one open index; ``close`` leaves them to the others."""

    def __init__(self, bytes_max: int = BUDGET_BYTES_DEFAULT, shared: SharedBudget | None = None) -> None:
        """Of a budget of its own, unless ``shared`` is given."""
        self.shared = shared or SharedBudget(bytes_max)
        self.tail = PooledShare("tail", self.shared.tail)
        self.filters = PooledShare("filters", self.shared.filters)
        self.log = PooledShare("log", self.shared.log)
        self.sealing = Share("sealing", lambda: self.shared.sealing.bytes_max)
        self.building = Share("building", lambda: self.shared.building.bytes_max)
        self.deletions = Share("deletions", lambda: max(self.tail.bytes_max // 4, SHARE_BYTES_MIN))
        """Of the tail's share, the deletions since the checkpoint that make another checkpoint due."""
        self.columns = Share("columns", lambda: self.shared.columns_bytes_max)
        self.readers = Share("readers", lambda: self.shared.readers_bytes_max)

    @property
    def bytes_max(self) -> int:
        """What all collections that share the budget may use together."""
        return self.shared.bytes_max

    @property
    def shares(self) -> list[Share]:
        """All shares."""
        return [share for share in vars(self).values() if isinstance(share, Share)]

    @property
    def log_buffers(self) -> LogBuffers:
        """How the log uses its share: half of it for records that wait to be applied.

        The other half is four times what waits to be written: records are encoded, joined and compressed.
        """
        share = self.log.bytes_now
        return LogBuffers(max(share // 8, SHARE_BYTES_MIN), max(share // 2, SHARE_BYTES_MIN))

    def use(self) -> dict[str, int]:
        """The bytes in use, by the name of the share."""
        return {share.name: share.used for share in self.shares}

    def close(self) -> None:
        """Gives the shares up; nothing of the index is in memory any more."""
        for share in self.shares:
            if isinstance(share, PooledShare):
                share.close()
