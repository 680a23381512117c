"""How many bulk loads are open at a time, and what they hold in memory before it is in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from asteroid_cloud.indexer.limits import BULK_LOADS_MAX, WRITE_ADMISSION_WAIT_S_MAX
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.wal.errors import Overloaded
from asteroid_cloud.wal.limits import KIB, MIB

PIECE_BYTES_MIN, PIECE_BYTES_MAX = 64 * KIB, 4 * MIB
SHARE_OF_BUILDING = 4
"""All pieces together, each of which is copied once, take a quarter of the share for building at most."""


class Gathering:
    """What one open load has gathered and not handed over yet; its owner says how much."""

    def __init__(self, piece_bytes: int) -> None:
        self.piece_bytes = piece_bytes
        """As much as is to be gathered before it is handed over."""
        self.bytes = 0


class BulkAdmission:
    """Of one index, which shares its places with others; for its event loop."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._building = budget.building
        self._open: set[Gathering] = set()
        self._free = budget.shared.limits.bulk_loads

    @property
    def gathered_bytes(self) -> int:
        """What all open loads of this index hold."""
        return sum(each.bytes for each in self._open)

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[Gathering]:
        """Opens a load for as long as the block runs, once fewer than BULK_LOADS_MAX are open anywhere.

        Raises Overloaded when that takes longer than WRITE_ADMISSION_WAIT_S_MAX seconds.
        """
        with anyio.move_on_after(WRITE_ADMISSION_WAIT_S_MAX) as waiting:
            await self._free.acquire()
        if waiting.cancelled_caught:
            raise Overloaded(f"{BULK_LOADS_MAX} bulk loads are under way")
        gathering = Gathering(self._piece_bytes())
        self._open.add(gathering)
        try:
            yield gathering
        finally:
            self._open.discard(gathering)
            self._free.release()

    def _piece_bytes(self) -> int:
        share = self._building.bytes_max // (SHARE_OF_BUILDING * 2 * BULK_LOADS_MAX)
        return min(max(share, PIECE_BYTES_MIN), PIECE_BYTES_MAX)
