"""Sealing: the oldest memtable becomes a segment, when it is full or when no write came for a while."""

from __future__ import annotations

import logging
import time

import anyio

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.maintenance.worker_thread import WorkerThread, first_of
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import NoSpace

logger = logging.getLogger(__name__)

NO_SPACE_RETRY_S = 1.0
IDLE_SEAL_ROWS_MIN = 1024
RECORDS_PER_CHECKPOINT_MAX = 20_000


class Sealer:
    """Turns the tail into segments, one memtable at a time."""

    def __init__(
        self,
        builder: SegmentBuilder,
        state: State,
        applier: Applier,
        checkpointer: Checkpointer,
        options: EngineOptions,
    ) -> None:
        self._builder = builder
        self._state = state
        self._applier = applier
        self._checkpointer = checkpointer
        self._options = options
        self._thread = WorkerThread("seal")
        self._flush_to = Lsn(0)
        self._asked = anyio.Event()

    async def run(self) -> None:
        """Seals whatever is due until cancelled."""
        try:
            while True:
                applied, asked = self._applier.applied, self._asked
                due_in_s = self._due_in_s()
                if due_in_s <= 0:
                    await self._try_step()
                    continue
                with anyio.move_on_after(due_in_s):
                    await first_of(applied, asked)
        finally:
            self._thread.close()

    async def flush(self) -> None:
        """Returns once every record applied so far is in a segment that a durable manifest names."""
        target = self.ask()
        while self._checkpointer.lsn < target:
            if self._applier.failure is not None:
                raise self._applier.failure
            await first_of(self._checkpointer.changed, self._applier.applied)

    def ask(self) -> Lsn:
        """Has everything applied so far sealed in the background; returns the LSN up to which that is."""
        target = self._applier.applied_lsn
        self._flush_to = max(self._flush_to, target)
        self._asked.set()
        self._asked = anyio.Event()
        return target

    def make_room(self) -> None:
        """Has the tail sealed although it is not full, unless that is due anyway: a writer waits."""
        if self._due_in_s() > 0:
            self.ask()

    def _due_in_s(self) -> float:
        """Seconds until there is something to seal or to checkpoint; 0 when there is."""
        state, budget = self._state, self._builder.budget
        behind = self._applier.applied_lsn - self._checkpointer.lsn
        if behind <= 0:
            return float("inf")
        is_full = bool(state.memtables) and state.is_full(state.memtables[0])
        deletion_bytes = state.deletion_bytes_after(self._checkpointer.lsn)
        is_large = state.tail_bytes > budget.tail.bytes_max // 2
        is_large = is_large or deletion_bytes > budget.deletions.bytes_max
        is_asked = self._checkpointer.lsn < self._flush_to
        if is_full or len(state.memtables) > 1 or is_large or is_asked or behind > RECORDS_PER_CHECKPOINT_MAX:
            return 0
        is_worth_a_graph = state.tail_rows >= IDLE_SEAL_ROWS_MIN
        patience_s = self._options.idle_seal_s if is_worth_a_graph else self._options.idle_flush_s
        return self._applier.last_write_s + patience_s - time.monotonic()

    async def _try_step(self) -> None:
        try:
            await self._step()
        except Abandoned:
            return
        except NoSpace:
            logger.warning("no room on the disk to seal the tail; trying again in %s s", NO_SPACE_RETRY_S)
            await anyio.sleep(NO_SPACE_RETRY_S)

    async def _step(self) -> None:
        async with self._applier.lock:
            due = self._freeze()
        if due is None:
            await self._checkpointer.advance()
            return
        memtable, lsn, source, spec, generation = due
        with self._checkpointer.numbers.begun() as number:
            segment = await self._thread.run(self._build, number, spec, source, generation, lsn)
            await self._checkpointer.swap([memtable], segment, generation, lsn, lsn)

    def _freeze(self) -> tuple[Memtable, Lsn, Source, IndexSpec, int] | None:
        """The oldest memtable and what sealing it takes; None when the tail holds no row."""
        state = self._state
        frozen = state.freeze_oldest()
        if frozen is None or state.spec is None:
            return None
        memtable, lsn = frozen
        source = Source(memtable, listed(~memtable.deletions.dead_as_of(lsn), memtable.rows))
        return memtable, lsn, source, state.spec, state.generation

    def _build(
        self, number: int, spec: IndexSpec, source: Source, generation: int, lsn: Lsn
    ) -> Segment | None:
        builder = self._builder
        built = builder.seal(number, spec, source, lambda: self._state.generation == generation)
        if built is None:
            return None
        return Segment(builder.files, builder.folder, builder.identity, built, spec, lsn)
