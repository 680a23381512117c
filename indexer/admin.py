"""What operators do with a store: bulk loads, backups, tags, purges, change feeds, and its figures."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from math import inf

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder
from asteroid_cloud.indexer.bulk_admission import BulkAdmission
from asteroid_cloud.indexer.bulk_load import BulkLoader
from asteroid_cloud.indexer.feed.change import FeedParts
from asteroid_cloud.indexer.feed.change_feed import ChangeFeed
from asteroid_cloud.indexer.history.purge import PurgeReport
from asteroid_cloud.indexer.history.tags import TagInfo, checked_name
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory_use import memory_use
from asteroid_cloud.indexer.model.errors import no_index
from asteroid_cloud.indexer.model.results import EngineStats, MemoryUse, Recovery, WriteResult
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.recovery.wiring import StoreParts
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.stats import engine_stats
from asteroid_cloud.indexer.write_events import Write
from asteroid_cloud.indexer.write_path import Writer
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import Conflict, Overloaded, StorageError
from asteroid_cloud.wal.format import BulkLoaded

logger = logging.getLogger(__name__)

PURGE_WAIT_S_MAX = 60.0
"""What is logged already has to be applied in this time."""


class Admin:
    """Works on the parts of an open store; every method is for its event loop."""

    def __init__(self, writer: Writer, budget: MemoryBudget) -> None:
        self._writer = writer
        self._budget = budget
        self.loads = BulkAdmission(budget)
        """The bulk loads that are open."""
        self._feeds = 0
        self._purging = anyio.Lock()
        self._limits = budget.shared.limits

    @asynccontextmanager
    async def bulk(self, writer: Writer) -> AsyncIterator[BulkLoader]:
        """A bulk load into the empty index, which ``writer`` logs; leaving without ``commit`` leaves nothing.

        Raises Conflict ``index_not_empty`` or ``index_not_initialized``, Overloaded when too many are open.
        """
        self._check_empty()
        async with self.loads.admitted() as gathering:
            snapshot, parts = self._check_empty(), self._parts
            generation = parts.state.generation
            async with parts.checkpointer.pin_log(parts.log.durable_lsn):
                with ExitStack() as stack:

                    def new_number() -> int:
                        return stack.enter_context(parts.checkpointer.numbers.begun())

                    builder = BulkBuilder(
                        parts.builder, parts.log, new_number, lambda: parts.state.generation == generation
                    )
                    install = partial(self._install_bulk, writer)
                    yield BulkLoader(snapshot.spec, parts.log, builder, install, gathering)

    def _check_empty(self) -> Snapshot:
        snapshot = self._snapshot()
        if snapshot.live:
            raise Conflict("the index is not empty", code="index_not_empty")
        return snapshot

    async def _install_bulk(self, writer: Writer, event: BulkLoaded, segments: list[Segment]) -> Lsn:
        parts = self._parts
        parts.staged[event.bulk] = segments
        # Once the record may be in the log it has to be applied with what is built already.
        written: WriteResult | None = None
        with anyio.CancelScope(shield=True):
            try:
                written = await writer.log(Write([event]))
            finally:
                parts.staged.pop(event.bulk, None)
        assert written is not None
        parts.sealer.ask()
        return Lsn(written.lsn)

    async def backup(self, target: str, previous: str | None = None) -> BackupReport:
        """Copies the store, as it is now, into the new folder ``target``; writes and searches go on.

        Segments that ``previous``, an earlier backup, has already are linked. Raises Conflict
        ``backup_exists`` or ``backup_of_another_store``, NotFound ``no_backup`` for ``previous``,
        CorruptionError, NoSpace and StorageError; what was copied until then is no backup.
        """
        report = await self._parts.backups.write(target, previous)
        logger.info("backed up to %s: %s", target, report)
        return report

    async def tag(self, name: str) -> TagInfo:
        """Names the state that the index has now, or a moment later, so that one can go back to it.

        Raises InvalidRequest ``bad_tag_name``, Conflict ``tag_exists``, ``too_many_tags`` or
        ``index_not_initialized``, and StorageError.
        """
        checked_name(name)
        self._snapshot()
        await self.flush()
        return await self._parts.history.tag(name)

    async def tags(self) -> list[TagInfo]:
        """The tags there are, the newest first; those that do not read are left to ``asteroid verify``."""
        return await self._parts.history.tags()

    async def untag(self, name: str) -> None:
        """Forgets a tag, and what only it needed; raises NotFound ``no_tag``, InvalidRequest."""
        await self._parts.history.untag(checked_name(name))

    async def purge(self) -> PurgeReport:
        """Erases all that was deleted or replaced until now from the store's files; serving goes on.

        The log that is retained for feeds and restores, and all tags, are erased with it; backups are not.
        Raises Conflict ``purge_running``, or ``purge_blocked`` while a bulk load or a backup is under way.
        """
        if self._purging.locked():
            raise Conflict("a purge is under way", code="purge_running")
        parts = self._parts
        async with self._purging:
            target = parts.applier.applied_lsn
            await parts.log.rotate()
            await parts.applier.wait_for(parts.log.durable_lsn, PURGE_WAIT_S_MAX)
            await self.flush()
            rewritten, rows = await parts.merger.rewrite_dead()
            tags = await parts.history.erase()
            first = parts.log.first_lsn
            if first <= target:
                raise StorageError(f"the log still begins with record {first}; {target} could not be purged")
            removed, names = await parts.history.remove_evidence(first)
        report = PurgeReport(
            lsn=target,
            segments_rewritten=rewritten,
            rows_erased=rows,
            log_first_lsn=first,
            tags_removed=tags,
            files_removed=removed,
            not_ours=names,
        )
        logger.info("purged: %s", report)
        return report

    @contextmanager
    def changes(self, since: int, parts: FeedParts) -> Iterator[ChangeFeed]:
        """Follows what is logged after ``since``, for as long as the block runs.

        Raises Overloaded ``too_many_feeds`` beyond FEEDS_MAX, of all collections; NotFound ``changes_pruned``
        when the log does not reach back that far, InvalidRequest ``bad_since`` when it does not reach that
        far yet, Conflict ``other_history`` for a position that was abandoned.
        """
        log = self._parts.log
        self._limits.open_feed()
        try:
            self._parts.state.histories.check(since)
            feed = ChangeFeed(log, since, parts, self._limits.feed_threads)
            self._feeds += 1
            try:
                yield feed
            finally:
                feed.close()
                self._feeds -= 1
        finally:
            self._limits.close_feed()

    @property
    def open_feeds(self) -> int:
        """How many change feeds of this index are open."""
        return self._feeds

    async def flush(self, timeout_s: float = inf) -> Lsn:
        """Seals the tail, writes the manifest and trims the log behind it; the LSN that the manifest holds.

        Raises Overloaded ``not_caught_up`` after the timeout; the work goes on.
        """
        with anyio.move_on_after(timeout_s):
            return await self._parts.sealer.flush()
        raise Overloaded(f"the tail is not sealed after {timeout_s:g} s", code="not_caught_up")

    @property
    def recovery(self) -> Recovery:
        """What opening the store found; raises as every other call while recovery is under way."""
        return self._parts.recovery

    def stats(self) -> EngineStats:
        """Figures of this moment."""
        return engine_stats(self._parts, self._budget)

    async def memory(self) -> MemoryUse:
        """What the memory is used for."""
        state = self._parts.state
        memtables, segments = list(state.memtables), list(state.segments)
        counted = {"requests": state.requests.ram_bytes, "loads": self.loads.gathered_bytes}
        use = partial(memory_use, memtables, segments, self._budget, **counted)
        return await to_thread.run_sync(use)

    @property
    def _parts(self) -> StoreParts:
        return self._writer.parts

    def _snapshot(self) -> Snapshot:
        snapshot = self._parts.applier.snapshot
        if snapshot is None:
            raise no_index()
        return snapshot
