"""Sealing: the oldest memtables become a segment, when they are full or when no write came for a while.

Sealing never leaves more segments than ``EngineOptions.segments_bound``: where there would be more, segments
that the merger does not work on go into the new one with the rows of the memtables.
"""

from __future__ import annotations

import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

import anyio

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.maintenance.claims import Claims
from asteroid_cloud.indexer.maintenance.merge_policy import pick_for_seal
from asteroid_cloud.indexer.maintenance.tries import Tries
from asteroid_cloud.indexer.maintenance.worker_thread import first_of, in_background
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


@dataclass(frozen=True, slots=True)
class Seal:
    """What becomes one segment: all rows up to one record that are in no segment yet, and some segments."""

    parts: list[Memtable | Segment]
    segments: list[Segment]
    """Those among the parts."""
    lsn: Lsn
    spec: IndexSpec
    generation: int
    sources: list[Source]


class Sealer:
    """Turns the tail into segments, the oldest memtables first."""

    def __init__(
        self,
        builder: SegmentBuilder,
        state: State,
        applier: Applier,
        checkpointer: Checkpointer,
        claims: Claims,
        options: EngineOptions,
    ) -> None:
        self._builder = builder
        self._state = state
        self._applier = applier
        self._checkpointer = checkpointer
        self._claims = claims
        self._options = options
        self._flush_to = Lsn(0)
        self._asked = anyio.Event()
        self._tries = Tries()
        self._failed = anyio.Event()
        """Set and replaced after every try that fails so."""

    @property
    def no_space(self) -> NoSpace | None:
        """Why the newest try to seal or to checkpoint failed; None unless the disk was full."""
        return self._tries.no_space

    async def run(self) -> None:
        """Seals whatever is due until cancelled."""
        while True:
            applied, asked = self._applier.applied, self._asked
            due_in_s = self._due_in_s()
            if due_in_s <= 0:
                await self._try_step()
                continue
            with anyio.move_on_after(due_in_s):
                await first_of(applied, asked)

    async def flush(self) -> Lsn:
        """Returns the newest record applied so far, once a durable manifest holds it and all before it.

        Raises NoSpace when the disk is too full for that, and what has stopped the engine.
        """
        target, first = self.ask(), self._tries.next
        while self._checkpointer.lsn < target:
            if self._applier.failure is not None:
                raise self._applier.failure
            self._tries.check(first)
            await first_of(self._checkpointer.changed, self._applier.applied, self._failed)
        return target

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
        behind = state.histories.count(self._checkpointer.lsn, self._applier.applied_lsn)
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
        asked = self._asked
        self._tries.begin()
        try:
            await self._step()
            self._tries.succeed()
        except Abandoned:
            return
        except NoSpace as error:
            if self.no_space is None:
                logger.warning("no room on the disk to seal the tail; trying every %s s", NO_SPACE_RETRY_S)
            self._tries.fail(error)
            self._failed.set()
            self._failed = anyio.Event()
            self._checkpointer.wake_writers()
            with anyio.move_on_after(NO_SPACE_RETRY_S):
                await asked.wait()  # whoever asks waits for the next try

    async def _step(self) -> None:
        if self._state.spec is None or not self._state.tail_rows:
            await self._checkpointer.advance()
            return
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(self._builder.construction.seal_turn())
            released = self._claims.released
            async with self._applier.lock:
                frozen = self._freeze()
                due = None if frozen is None else self._seal_of(*frozen)
            if due is not None:
                await self._seal(due, turn)
                return
        if frozen is None:  # the index was deleted meanwhile
            await self._checkpointer.advance()
        else:
            await released.wait()  # the merger works on every segment there is, and will make one of them

    async def _seal(self, due: Seal, turn: AsyncExitStack) -> None:
        """Ends the turn when the segment is built."""
        with self._claims.hold(due.segments), self._checkpointer.numbers.begun() as number:
            began_s = time.monotonic()
            segment = await in_background("seal", self._build, number, due)
            await turn.aclose()
            await self._checkpointer.swap(due.parts, segment, due.generation, due.lsn, due.lsn)
            rows = 0 if segment is None else segment.rows
            logger.info(
                "sealed up to LSN %d: segment %d of %d rows in %.2f s",
                due.lsn,
                number,
                rows,
                time.monotonic() - began_s,
            )

    def _freeze(self) -> tuple[list[Memtable], Lsn, IndexSpec] | None:
        """The oldest memtables, as many as can be linked at once; None when the tail holds no row."""
        state, builder = self._state, self._builder
        if state.spec is None:
            return None
        rows_max = builder.sizes.rows_at_once(state.spec, builder.construction.seal_share)
        frozen = state.freeze_oldest(self._options.memtables_per_seal, rows_max)
        return None if frozen is None else (*frozen, state.spec)

    def _seal_of(self, memtables: list[Memtable], lsn: Lsn, spec: IndexSpec) -> Seal | None:
        """What is sealed together with the memtables; None when that has to wait for the merger."""
        state = self._state
        segments: list[Segment] = []
        beyond = len(state.segments) + 1 - self._options.segments_bound
        if beyond > 0:
            free = self._claims.free(state.segments)
            if not free:
                return None
            rows = sum(memtable.rows for memtable in memtables)
            segments = pick_for_seal(free, lsn, rows, beyond)
        parts: list[Memtable | Segment] = [*memtables, *segments]
        sources = [Source(part, listed(~part.deletions.dead_as_of(lsn), part.rows)) for part in parts]
        return Seal(parts, segments, lsn, spec, state.generation, sources)

    def _build(self, number: int, due: Seal) -> Segment | None:
        builder, state = self._builder, self._state

        def is_wanted() -> bool:
            return state.generation == due.generation

        built = builder.seal(number, due.spec, due.sources, is_wanted)
        return None if built is None else builder.opened(built, due.spec, due.lsn, is_wanted)
