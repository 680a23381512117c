"""Merging: segments of like size become one, dead rows leave the disk, old segments are built again."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import anyio

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.maintenance.claims import Claims
from asteroid_cloud.indexer.maintenance.merge_policy import pick_merge
from asteroid_cloud.indexer.maintenance.tries import Tries
from asteroid_cloud.indexer.maintenance.worker_thread import first_of, in_background
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.options import TAIL_MEMTABLES, EngineOptions
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import NoSpace

logger = logging.getLogger(__name__)
RETRY_S = 1.0
"""How soon a rewrite that a full disk has stopped is tried again."""


class Merger:
    """Keeps the number of live segments small."""

    def __init__(
        self,
        builder: SegmentBuilder,
        state: State,
        applier: Applier,
        checkpointer: Checkpointer,
        claims: Claims,
        options: EngineOptions,
    ) -> None:
        self.is_merging = False
        self.lacks_room = False
        """Whether the last merge failed because the disk was full."""
        self._builder = builder
        self._state = state
        self._applier = applier
        self._checkpointer = checkpointer
        self._claims = claims
        self._options = options
        self._clean_from: int | None = None
        """While deleted rows are erased: the first segment that was begun after they were deleted."""
        self._asked = anyio.Event()
        self._tries = Tries()

    async def run(self) -> None:
        """Merges whatever is due after each checkpoint and once writers fall quiet, until cancelled."""
        while True:
            changed, asked = self._checkpointer.changed, self._asked
            try:
                while await self._try_step():
                    self.lacks_room = False
                if len(self._state.segments) <= self._options.segments_max:
                    self.lacks_room = False  # a seal has merged what there was no room for
            except NoSpace as error:
                self.lacks_room = True
                self._tries.fail(error)
                logger.warning("no room on the disk to merge; trying again after the next checkpoint")
            left_s = self._quiet_in_s()
            with anyio.move_on_after(left_s if left_s > 0 else None):
                await first_of(changed, asked)

    @property
    def pileup(self) -> float:
        """How far segments, and memtables that wait to become some, have piled up; writers wait at 1.

        0 while merging cannot help, for want of room on the disk: writers would wait for nothing.
        """
        options, state = self._options, self._state
        if self.lacks_room:
            return 0.0
        beyond = len(state.segments) + state.queued - options.segments_bound
        return max(0.0, beyond / (options.segments_max + TAIL_MEMTABLES))

    async def rewrite_dead(self) -> tuple[int, int]:
        """Returns once no segment holds a row that was dead at the newest checkpoint of now.

        Returns how many segments were rewritten or replaced for it, and how many deleted rows they held.
        Raises NoSpace when there is no room for that, and what has stopped the engine.
        """
        self._clean_from, first = self._checkpointer.numbers.next, self._tries.next
        try:
            dirty = self._dirty(self._checkpointer.lsn)
            rows = sum(segment.deletions.count_as_of(self._checkpointer.lsn) for segment in dirty)
            while self._dirty(self._checkpointer.lsn):
                if self._applier.failure is not None:
                    raise self._applier.failure
                self._tries.check(first)
                changed = self._checkpointer.changed
                self._asked.set()
                self._asked = anyio.Event()
                with anyio.move_on_after(RETRY_S):
                    await changed.wait()
        finally:
            self._clean_from = None
        return len(dirty), rows

    def _dirty(self, base: Lsn) -> list[Segment]:
        """Segments from before ``_clean_from`` with rows that were dead as of ``base``."""
        first = self._clean_from
        if first is None:
            return []
        old = (segment for segment in self._state.segments if segment.number < first)
        return [segment for segment in old if segment.deletions.count_as_of(base)]

    def _quiet_in_s(self) -> float:
        """Seconds until writers count as quiet; 0 or less when they do."""
        return self._applier.last_write_s + self._options.idle_seal_s - time.monotonic()

    async def _try_step(self) -> bool:
        """As ``_step``, counted."""
        self._tries.begin()
        has_merged = await self._step()
        if has_merged:
            self._tries.succeed()
        return has_merged

    async def _step(self) -> bool:
        """Merges once; False when nothing is due."""
        async with self._applier.lock:
            if not self._pick(self._state.spec, self._checkpointer.lsn):
                return False
        async with AsyncExitStack() as turn:
            # Nothing is claimed until the turn has come: the sealer may take what waits for it.
            await turn.enter_async_context(self._builder.construction.build_turn())
            return await self._merge(turn)

    async def _merge(self, turn: AsyncExitStack) -> bool:
        """Merges what is due by now, and ends the turn when it is built."""
        async with self._applier.lock:
            base, spec = self._checkpointer.lsn, self._state.spec
            generation = self._state.generation
            picked = self._pick(spec, base)
            sources = [
                Source(segment, listed(~segment.deletions.dead_as_of(base), segment.rows))
                for segment in picked
            ]
        if spec is None or not picked:
            return False
        self.is_merging = True
        try:
            pinned = self._checkpointer.pin_deletions(base, picked)
            with self._claims.hold(picked), pinned, self._checkpointer.numbers.begun() as number:
                began_s = time.monotonic()
                segment = await in_background("merge", self._build, number, spec, sources, generation, base)
                await turn.aclose()
                is_done = await self._checkpointer.swap(picked, segment, generation, base, None)
                rows, seconds = 0 if segment is None else segment.rows, time.monotonic() - began_s
                logger.info(
                    "merged %d segments into %d: %d rows in %.2f s", len(picked), number, rows, seconds
                )
                return is_done
        except Abandoned:
            return False
        finally:
            self.is_merging = False

    def _pick(self, spec: IndexSpec | None, base: Lsn) -> list[Segment]:
        # A segment of records later than the checkpoint will get its own checkpoint soon: wait for it.
        if spec is None or any(segment.sealed_lsn > base for segment in self._state.segments):
            return []
        if dirty := self._claims.free(self._dirty(base)):
            return dirty[:1]
        free, is_quiet = self._claims.free(self._state.segments), self._quiet_in_s() <= 0
        if picked := pick_merge(free, base, self._options.segments_max, is_quiet):
            return picked
        old = [segment for segment in free if segment.is_of_0_1]
        return old[:1] if self._builder.construction.is_idle else []

    def _build(
        self, number: int, spec: IndexSpec, sources: Sequence[Source], generation: int, base: Lsn
    ) -> Segment | None:
        builder, state = self._builder, self._state

        def is_wanted() -> bool:
            return state.generation == generation

        built = builder.merge(number, spec, sources, is_wanted)
        return None if built is None else builder.opened(built, spec, base, is_wanted)
