"""Keeping a store: bulk loads, backups, flushing, and what it tells of itself."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.build.budget import memory_use
from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder, BulkLoader
from asteroid_cloud.indexer.feed.changes import ChangeFeed, FeedParts
from asteroid_cloud.indexer.history.purge import PurgeReport
from asteroid_cloud.indexer.history.tags import TagInfo, checked_name
from asteroid_cloud.indexer.limits import FEEDS_MAX
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.results import EngineStats, MemoryUse, Recovery, WriteResult
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.recovery.supervisor import Supervisor
from asteroid_cloud.indexer.recovery.wiring import StoreParts
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.errors import Conflict, Overloaded, StorageError
from asteroid_cloud.wal.format import BulkLoaded, Event

FEED_THREADS = 2
"""Threads that read the log for all change feeds together."""
PURGE_WAIT_S_MAX = 60.0
"""What is logged already has to be applied in this time."""


class Upkeep:
    """What an engine does beside single writes and reads; every method is for its event loop."""

    def __init__(self, opening: Supervisor, options: EngineOptions) -> None:
        self.options = options
        self._opening = opening
        self._feeds = 0
        self._purging = anyio.Lock()
        self._feed_threads = anyio.CapacityLimiter(FEED_THREADS)

    def snapshot(self) -> Snapshot:
        """What the index holds now; raises Conflict ``index_not_initialized`` when there is none."""
        snapshot = self._opened.applier.snapshot
        if snapshot is None:
            raise Conflict("there is no index yet", code="index_not_initialized")
        return snapshot

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[BulkLoader]:
        """A bulk load into the empty index; leaving without ``commit`` leaves nothing behind.

        Raises Conflict ``index_not_empty`` or ``index_not_initialized``.
        """
        opened, snapshot = self._opened, self.snapshot()
        if snapshot.live:
            raise Conflict("the index is not empty", code="index_not_empty")
        generation = opened.state.generation
        async with opened.checkpointer.pin_log(opened.log.durable_lsn):
            with ExitStack() as stack:

                def new_number() -> int:
                    return stack.enter_context(opened.checkpointer.numbers.begun())

                builder = BulkBuilder(
                    opened.builder,
                    opened.log,
                    new_number,
                    lambda: opened.state.generation == generation,
                )
                yield BulkLoader(snapshot.spec, opened.log, builder, self._install_bulk)

    async def _install_bulk(self, event: BulkLoaded, segments: list[Segment]) -> Lsn:
        opened = self._opened
        opened.staged[event.bulk] = segments
        # Once the record may be in the log it has to be applied with what is built already.
        written: WriteResult | None = None
        with anyio.CancelScope(shield=True):
            try:
                written = await self._write(event)
            finally:
                opened.staged.pop(event.bulk, None)
        assert written is not None
        opened.sealer.ask()
        return Lsn(written.lsn)

    async def backup(self, target: str, previous: str | None = None) -> BackupReport:
        """Copies the store, as it is now, into the new folder ``target``; writes and searches go on.

        Segments that ``previous``, an earlier backup, has already are linked. Raises Conflict
        ``backup_exists`` or ``backup_of_another_store``, NotFound ``no_backup`` for ``previous``,
        CorruptionError, NoSpace and StorageError; what was copied until then is no backup.
        """
        return await self._opened.backups.write(target, previous)

    async def tag(self, name: str) -> TagInfo:
        """Names the state that the index has now, or a moment later, so that one can go back to it.

        Raises InvalidRequest ``bad_tag_name``, Conflict ``tag_exists``, ``too_many_tags`` or
        ``index_not_initialized``, and StorageError.
        """
        checked_name(name)
        self.snapshot()
        await self.flush()
        return await self._opened.history.tag(name)

    async def tags(self) -> list[TagInfo]:
        """The tags there are, the newest first; those that do not read are left to ``asteroid verify``."""
        return await self._opened.history.tags()

    async def untag(self, name: str) -> None:
        """Forgets a tag, and what only it needed; raises NotFound ``no_tag``, InvalidRequest."""
        await self._opened.history.untag(checked_name(name))

    async def purge(self) -> PurgeReport:
        """Erases all that was deleted or replaced until now from the store's files; serving goes on.

        The log kept for feeds and for going back, and all tags, go with it. Backups are beyond its reach.
        Raises Conflict ``purge_running``, or ``purge_blocked`` while a bulk load or a backup is under way.
        """
        if self._purging.locked():
            raise Conflict("a purge is under way", code="purge_running")
        opened = self._opened
        async with self._purging:
            target = opened.applier.applied_lsn
            await opened.log.rotate()
            await opened.applier.wait_for(opened.log.durable_lsn, PURGE_WAIT_S_MAX)
            await self.flush()
            rewritten, rows = await opened.merger.rewrite_dead()
            tags = await opened.history.erase()
            first = opened.log.first_lsn
            if first <= target:
                raise StorageError(f"the log still begins with record {first}; {target} could not be purged")
            removed, names = await opened.history.remove_evidence(first)
        return PurgeReport(
            lsn=target,
            segments_rewritten=rewritten,
            rows_erased=rows,
            log_first_lsn=first,
            tags_removed=tags,
            files_removed=removed,
            not_ours=names,
        )

    @contextmanager
    def changes(self, since: int, parts: FeedParts) -> Iterator[ChangeFeed]:
        """Follows what is logged after ``since``, for as long as the block runs.

        Raises Overloaded ``too_many_feeds`` beyond FEEDS_MAX, NotFound ``changes_pruned`` when the log does
        not reach back that far, InvalidRequest ``bad_since`` when it does not reach that far yet.
        """
        log = self._opened.log
        if self._feeds >= FEEDS_MAX:
            raise Overloaded(f"{FEEDS_MAX} change feeds are open already", code="too_many_feeds")
        feed = ChangeFeed(log, since, parts, self._feed_threads)
        self._feeds += 1
        try:
            yield feed
        finally:
            feed.close()
            self._feeds -= 1

    @property
    def durable_lsn(self) -> Lsn:
        """The newest record in the log."""
        return self._opened.log.durable_lsn

    async def flush(self) -> None:
        """Seals the tail, writes the manifest and trims the log behind it."""
        await self._opened.sealer.flush()

    @property
    def recovery(self) -> Recovery:
        """What opening the store found; raises as every other call while it goes on."""
        return self._opened.recovery

    def stats(self) -> EngineStats:
        """Figures of this moment."""
        return _stats(self._opened, self.options)

    async def memory(self) -> MemoryUse:
        """What the memory is used for."""
        opened = self._opened
        blocks, segments = list(opened.state.memtables), list(opened.state.segments)
        construction, waiting = opened.builder.construction, opened.log.buffer_bytes
        return await to_thread.run_sync(memory_use, blocks, segments, construction, waiting)

    @property
    def _opened(self) -> StoreParts:
        """The parts at work; raises Overloaded ``not_ready`` during recovery, or why it failed."""
        opened = self._opening.opened
        if opened is None:
            phase = self._opening.phase
            if phase.error is not None:
                raise phase.error
            raise Overloaded(f"the store is {phase.name}", code="not_ready", retry_after_s=1.0)
        return opened

    async def _write(
        self,
        events: Event | list[Event],
        rows: int = 0,
        size: int = 0,
        expected_lsn: int | None = None,
        unchanged: Unchanged | None = None,
    ) -> WriteResult:
        """Logs events together, waits until they are durable and applied, and says what they did."""
        raise NotImplementedError


def _stats(opened: StoreParts, options: EngineOptions) -> EngineStats:
    state, applier, log = opened.state, opened.applier, opened.log
    lag = applier.applied_lsn - opened.checkpointer.lsn
    snapshot = applier.snapshot
    return EngineStats(
        vectors=snapshot.live if snapshot else 0,
        dim=snapshot.spec.dim if snapshot else None,
        metric=snapshot.spec.metric if snapshot else None,
        segments=len(state.segments),
        segment_rows=sum(segment.rows for segment in state.segments),
        tombstones=sum(part.deletions.count for part in state.parts),
        tail_rows=state.tail_rows,
        tail_bytes=state.tail_bytes,
        rows_lost=opened.recovery.losses.rows,
        lag_records=lag,
        lag_seconds=time.monotonic() - opened.checkpointer.behind_since_s if lag else 0.0,
        log_bytes=log.size_bytes,
        segment_bytes=sum(segment.file_bytes for segment in state.segments),
        last_lsn=applier.applied_lsn,
        durable_lsn=log.durable_lsn,
        checkpoint_lsn=opened.checkpointer.lsn,
        memory_budget_bytes=options.memory_budget_bytes,
        merging=opened.merger.is_merging,
        building=opened.builder.construction.told(),
        kernels=core.kernels(),
    )
