"""Opening a store, step by step. Each step may fail, and a failure is repaired as far as the mode allows.

    1. enter: take the lock, refuse a backup, finish a restore in place that was interrupted
    2. refuse a store that has lost something which nobody has acknowledged
    3. read the newest manifest; rebuild columns that are missing
    4. recover the log, cutting a torn tail
    5. check every byte of the checkpoint's segments, and that the log continues where the checkpoint ends
    6. remove files that neither the manifest nor a tag names
    7. replay what the log holds beyond the checkpoint
    8. connect the parts

Nothing is removed before the checkpoint and the log are known to be whole and to fit together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from anyio import to_thread

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.checkpoint.garbage import remove_garbage
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_checkpoint
from asteroid_cloud.indexer.checkpoint.retention import settle_retention, write_retention
from asteroid_cloud.indexer.checkpoint.segment_numbers import first_free_number
from asteroid_cloud.indexer.history.tagged_segments import TaggedSegments
from asteroid_cloud.indexer.loss.loss_record import read_loss_record
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.results import Phase
from asteroid_cloud.indexer.recovery.column_rebuild import rebuild_missing_columns
from asteroid_cloud.indexer.recovery.replay import Replay
from asteroid_cloud.indexer.recovery.report import in_words, recovery_report
from asteroid_cloud.indexer.recovery.store_repair import StoreRepair
from asteroid_cloud.indexer.recovery.text_files import open_texts
from asteroid_cloud.indexer.recovery.wiring import OpenFiles, StoreParts, wire
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.disk import CollectionLayout, Files, name_of
from asteroid_cloud.wal.errors import (
    CorruptionError,
    LockHeld,
    LogPruned,
    NoSpace,
    Poisoned,
    StorageError,
    UnsupportedVersion,
)
from asteroid_cloud.wal.store import StoreAccess

logger = logging.getLogger(__name__)
REPAIRS_MAX = 3
"""How often a store that does not open is repaired: what was damaged may have hidden more damage."""
NOT_DAMAGE = (NoSpace, Poisoned, LockHeld, UnsupportedVersion)


class Opener:
    """Opens one store; what it has open is closed by ``close``."""

    def __init__(
        self,
        entry: Callable[[], StoreAccess],
        files: Files,
        layout: CollectionLayout,
        options: EngineOptions,
        budget: MemoryBudget,
        report: Callable[[Phase], None],
    ) -> None:
        """``entry`` enters the store; ``report`` is called with the phase that the opening is in."""
        self._entry = entry
        self._files = files
        self._layout = layout
        self._options = options
        self._budget = budget
        self._report = report
        self._access: StoreAccess | None = None
        self._log: LocalLog | None = None
        self._replay: Replay | None = None

    async def lock(self) -> None:
        """Enters: takes the data directory for this process alone, unless it has it, and finishes what was
        interrupted in it.

        Raises as ``enter``: LockHeld, Conflict ``is_backup``, StorageError ``incomplete``.
        """
        self._access = await to_thread.run_sync(self._entry)
        self._files = self._access.files
        try:
            self._files.make_dirs(self._layout.index)
        except BaseException:
            self._access.release()
            raise

    async def open(self) -> StoreParts:
        """Opens the store, which is locked, and repairs it as far as the mode allows.

        What the options say of retention is stored once it is open. Raises what keeps it from opening.
        """
        files, layout = self._files, self._layout
        await to_thread.run_sync(self._refuse_unacknowledged_loss)
        settled = await to_thread.run_sync(settle_retention, files, layout, self._options)
        self._options = settled.applied_to(self._options)
        parts = await self._open_repaired()
        if settled.is_new:
            await to_thread.run_sync(write_retention, files, layout, settled.kept)
        return parts

    async def _open_repaired(self) -> StoreParts:
        repaired: list[str] = []
        for _ in range(REPAIRS_MAX):
            try:
                return await self._open(repaired)
            except NOT_DAMAGE:
                raise
            except StorageError as error:
                await self._close_log()
                repaired += await to_thread.run_sync(self._repair, error)
        return await self._open(repaired)

    def abandon_builds(self) -> None:
        """Lets builds under way stop at their next slice."""
        if self._replay is not None:
            self._replay.state.abandon_work()

    async def close(self) -> None:
        """Closes the log and releases the lock; nothing acknowledged needs more than the log."""
        await self._close_log()
        self._budget.close()
        if self._access is not None:
            self._access.release()

    def let_go(self) -> None:
        """Forgets what was replayed."""
        self._replay = None

    async def _close_log(self) -> None:
        if self._log is not None:
            await self._log.close()
            self._log = None

    def _refuse_unacknowledged_loss(self) -> None:
        """Refuses a store that has lost something: serving answers that lack it must be a decision."""
        losses = read_loss_record(self._files, self._layout)
        if losses.is_open and self._options.recovery != "salvage":
            reason = f"the store has lost {losses}"
            where = name_of(self._layout.lost)
            raise StorageError(f"{reason} ({where})", code="degraded", rows_lost=losses.rows)

    def _repair(self, error: StorageError) -> list[str]:
        def progress(done: int, total: int) -> None:
            self._report(Phase("recovering", done / total, f"rebuilding the index, LSN {done}"))

        return StoreRepair(self._files, self._layout, self._options).apply(error, progress)

    async def _open(self, repaired: list[str]) -> StoreParts:
        """One attempt; ``repaired`` says what earlier ones led to, and gets what this one repairs."""
        files, layout, options = self._files, self._layout, self._options
        began_s = time.monotonic()
        self._report(Phase("recovering", 0.0, "checking the segments"))
        manifest, log = await self._open_log(repaired)
        recovered = await to_thread.run_sync(open_checkpoint, files, layout.index, manifest, log.identity)
        repairs = options.recovery != "strict"
        repaired += await to_thread.run_sync(
            partial(open_texts, files, layout.index, recovered, repairs=repairs)
        )
        self._check_reach(log, recovered.applied_lsn)
        tagged = await to_thread.run_sync(TaggedSegments, files, layout)
        await to_thread.run_sync(remove_garbage, files, layout.index, manifest, tagged)
        builder = SegmentBuilder(files, layout.index, log.identity, options, self._budget)
        replay = self._replay = Replay(log, builder, recovered, options)
        checked_s = time.monotonic()
        await replay.run(self._report)
        losses = await to_thread.run_sync(read_loss_record, files, layout)
        times_s = checked_s - began_s, time.monotonic() - checked_s
        recovery = recovery_report(
            recovered, log.report, times_s, options.recovery, repaired, losses, replay.records
        )
        logger.info("%s", in_words(recovery))
        opened = OpenFiles(files, layout, log, recovered, tagged, builder)
        parts = wire(opened, replay, options, recovery)
        await parts.pages.warm()
        return parts

    async def _open_log(self, repaired: list[str]) -> tuple[Manifest | None, LocalLog]:
        """The newest manifest, its segments with columns again, and the log, its torn tail cut."""
        files, layout, options = self._files, self._layout, self._options
        manifest = await to_thread.run_sync(newest_manifest, files, layout.index)
        if manifest is None:
            await to_thread.run_sync(self._refuse_bare_segments)
        if manifest is not None and options.recovery != "strict":
            bytes_max = self._budget.columns.bytes_max
            repaired += await to_thread.run_sync(
                rebuild_missing_columns, files, layout.index, manifest, bytes_max
            )
        log = self._log = await LocalLog.open(
            files,
            layout.log,
            identity=manifest.identity if manifest else None,
            buffers=lambda: self._budget.log_buffers,
            is_strict=options.recovery == "strict",
            last_ms=manifest.applied_ms if manifest else 0,
            slow_sync_s=options.slow_sync_s,
            threads=self._budget.shared.limits.log_threads,
        )
        self._budget.log.measure_with(lambda: log.buffer_bytes)
        if log.report.reason:
            logger.warning("%s: cut %d bytes: %s", log.report.path, log.report.bytes_cut, log.report.reason)
        return manifest, log

    def _refuse_bare_segments(self) -> None:
        """Refuses segments that neither a manifest nor a log belongs to: they would be removed as garbage."""
        files, layout = self._files, self._layout
        has_log = files.exists(layout.log) and bool(files.list(layout.log))
        if not has_log and first_free_number(files, layout.index) > 1:
            raise CorruptionError(layout.index, 0, "there are segments, but neither a manifest nor a log")

    def _check_reach(self, log: LocalLog, after: Lsn) -> None:
        """Refuses a checkpoint and a log that do not meet, before any file is taken for garbage."""
        if log.durable_lsn < after:
            reason = f"the log ends at LSN {log.durable_lsn}, the checkpoint at {after}"
            raise CorruptionError(self._layout.log, 0, reason)
        if log.first_lsn > after + 1:
            raise LogPruned(f"the checkpoint ends at LSN {after}, the log begins with {log.first_lsn}")
