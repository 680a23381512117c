"""Opening a store: lock, checkpoint, replay, and then the tasks that keep it going."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.backup.swap_in import finish as finish_replacement
from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.manifest import Manifest
from asteroid_cloud.indexer.checkpoint.open import (
    open_checkpoint,
    read_checkpoint,
    remove_unnamed,
    told_recovery,
)
from asteroid_cloud.indexer.history.registry import History
from asteroid_cloud.indexer.history.tags import TaggedSegments
from asteroid_cloud.indexer.maintenance.merger import Merger
from asteroid_cloud.indexer.maintenance.page_cache import PageCache
from asteroid_cloud.indexer.maintenance.sealer import Sealer
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.results import Phase, Recovery
from asteroid_cloud.indexer.recovery.column_rebuild import make_missing_columns
from asteroid_cloud.indexer.recovery.data_loss import LOST, read_losses
from asteroid_cloud.indexer.recovery.operator_hints import advised
from asteroid_cloud.indexer.recovery.store_repair import StoreRepair
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.applier import Applier
from asteroid_cloud.indexer.state.backpressure import Backpressure
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog, next_group
from asteroid_cloud.wal.disk import FileLock, Files, lock_directory
from asteroid_cloud.wal.errors import (
    AsteroidError,
    CorruptionError,
    LockHeld,
    LogPruned,
    NoSpace,
    Poisoned,
    StorageError,
    UnsupportedVersion,
)
from asteroid_cloud.wal.format import BulkLoaded

logger = logging.getLogger(__name__)
MENDS_MAX = 3
"""How often a store that does not open is mended: what was damaged may have hidden more."""
NOT_DAMAGE = (NoSpace, Poisoned, LockHeld, UnsupportedVersion)


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts of an engine at work."""

    log: LocalLog
    state: State
    applier: Applier
    backpressure: Backpressure
    checkpointer: Checkpointer
    history: History
    builder: SegmentBuilder
    sealer: Sealer
    merger: Merger
    pages: PageCache
    recovery: Recovery
    """What was found when the store was opened."""
    staged: dict[int, list[Segment]]
    """Segments of bulk loads that are built and about to be committed."""


class Opener:
    """Brings one data directory up; ``opened`` is there once recovery is over."""

    def __init__(self, files: Files, path: str, options: EngineOptions) -> None:
        self.opened: Opened | None = None
        self.phase = Phase("opening", 0.0, "taking the lock")
        self._files = files
        self.path = path
        self._options = options
        self._settled = anyio.Event()
        self._lock: FileLock | None = None
        self._log: LocalLog | None = None
        self._state: State | None = None

    @property
    def _folder(self) -> str:
        return f"{self.path}/index"

    async def lock(self) -> None:
        """Takes the data directory for this process alone; raises LockHeld."""
        self._files.make_dirs(self.path)
        self._lock = lock_directory(self._files, self.path)
        try:
            if await to_thread.run_sync(finish_replacement, self._files, self.path):
                logger.warning("finished putting a restored store in place, which had been interrupted")
            self._files.make_dirs(self._folder)
        except BaseException:
            self._lock.release()
            raise

    async def run(self) -> None:
        """Recovers, then keeps the background tasks going until cancelled."""
        try:
            opened = await self._recover_or_mend()
        except (AsteroidError, OSError) as error:
            self._fail(error)
            return
        self.opened = opened
        self.phase = Phase("ready", 1.0, f"recovered up to LSN {opened.applier.applied_lsn}")
        self._settled.set()
        async with anyio.create_task_group() as group:
            for task in (
                lambda: opened.applier.follow(opened.log),
                opened.sealer.run,
                opened.merger.run,
                opened.pages.run,
                opened.checkpointer.run,
            ):
                group.start_soon(self._supervised, task)

    async def wait(self) -> None:
        """Returns when recovery is over; raises what made it fail."""
        await self._settled.wait()
        if self.phase.error is not None:
            raise self.phase.error

    def abandon_work(self) -> None:
        """Lets builds under way stop at their next slice."""
        if self._state is not None:
            self._state.abandon_work()

    async def close(self) -> None:
        """Closes the log and gives the directory back; nothing acknowledged needs more than the log."""
        if self._log is not None:
            await self._log.close()
        if self._lock is not None:
            self._lock.release()

    async def _supervised(self, task: Callable[[], Awaitable[None]]) -> None:
        """Runs one background task; if it dies, writes stop with its reason while reads go on."""
        assert self.opened is not None
        try:
            await task()
        except Exception as error:  # whatever it is, it must not take the readers down
            logger.exception("a background task ended")
            self.opened.applier.fail(self._fail(error))

    def _fail(self, error: Exception) -> AsteroidError:
        failure = error if isinstance(error, AsteroidError) else StorageError(str(error))
        failure.details = advised(failure, self._options.recovery)
        advice = failure.details.get("advice")
        logger.error("the store cannot go on: %s%s", failure.message, f"; {advice}" if advice else "")
        self.phase = Phase("failed", self.phase.progress, failure.message, failure)
        self._settled.set()
        return failure

    async def _recover_or_mend(self) -> Opened:
        mended: list[str] = []
        await to_thread.run_sync(self._check_losses)
        for _ in range(MENDS_MAX):
            try:
                return await self._recover(mended)
            except NOT_DAMAGE:
                raise
            except StorageError as error:
                if self._log is not None:
                    await self._log.close()
                    self._log = None
                mended += await to_thread.run_sync(self._mend, error)
        return await self._recover(mended)

    def _check_losses(self) -> None:
        """Refuses a store that has lost something: answers that miss it must be somebody's decision."""
        losses = read_losses(self._files, self.path)
        if losses.is_open and self._options.recovery != "salvage":
            records = len(losses.records)
            reason = f"the store has lost {losses.rows} rows with segments, and records in {records} places"
            raise StorageError(f"{reason} ({LOST})", code="degraded", rows_lost=losses.rows)

    def _mend(self, error: StorageError) -> list[str]:
        def progress(done: int, total: int) -> None:
            self.phase = Phase("recovering", done / total, f"building the index anew, LSN {done}")

        return StoreRepair(self._files, self.path, self._options).apply_repair(error, progress)

    async def _recover(self, mended: list[str]) -> Opened:
        files, folder, options = self._files, self._folder, self._options
        began_s = time.monotonic()
        self.phase = Phase("recovering", 0.0, "checking the segments")
        manifest, log = await self._open_log(mended)
        recovered = await to_thread.run_sync(open_checkpoint, files, folder, manifest, log.identity)
        self._check_reach(log, recovered.applied_lsn)
        tagged = await to_thread.run_sync(TaggedSegments, files, self.path)
        await to_thread.run_sync(remove_unnamed, files, folder, manifest, tagged.without)
        builder = SegmentBuilder(files, folder, log.identity, options)
        staged: dict[int, list[Segment]] = {}
        new_numbers: list[int] = []

        def rebuild(event: BulkLoaded) -> list[Segment]:
            ready = staged.pop(event.bulk, None)
            if ready is not None:
                return ready
            assert state.spec is not None
            bulk = BulkBuilder(builder, log, take_number, lambda: True)
            return bulk.build(state.spec, event, options.build_threads, Lsn(event.since))

        def take_number() -> int:
            new_numbers.append(recovered.next_segment + len(new_numbers))
            return new_numbers[-1]

        state = self._state = State(options, rebuild)
        state.spec, state.created_lsn = recovered.spec, recovered.created_lsn
        state.applied_lsn = recovered.applied_lsn
        state.segments = list(recovered.segments)
        applier = Applier(state)
        checked_s = time.monotonic()
        await self._replay(log, applier, recovered.applied_lsn)
        losses = await to_thread.run_sync(read_losses, files, self.path)
        times_s = checked_s - began_s, time.monotonic() - checked_s
        told = told_recovery(recovered, log.report, times_s, options.recovery, mended, losses)
        logger.info("recovered: %s", told)
        admission = Backpressure(
            options.tail_rows_max,
            options.tail_bytes_max,
            lambda: (state.tail_rows, state.tail_bytes + state.deletion_bytes_after(checkpointer.lsn)),
            lambda: sealer.make_room(),
        )
        checkpointer = Checkpointer(
            files, folder, log, state, applier, admission, options, recovered, tagged, len(new_numbers)
        )
        history = History(files, self.path, checkpointer, tagged)
        sealer = Sealer(builder, state, applier, checkpointer, options)
        merger = Merger(builder, state, applier, checkpointer, options)
        pages = PageCache(state, checkpointer, options)
        await pages.warm()
        return Opened(
            log,
            state,
            applier,
            admission,
            checkpointer,
            history,
            builder,
            sealer,
            merger,
            pages,
            told,
            staged,
        )

    async def _open_log(self, mended: list[str]) -> tuple[Manifest | None, LocalLog]:
        """The newest manifest, whose segments have their columns again, and the log, its torn tail cut."""
        files, folder, options = self._files, self._folder, self._options
        manifest = await to_thread.run_sync(read_checkpoint, files, folder)
        if manifest is not None and options.recovery != "strict":
            bytes_max = options.fields_bytes_max
            mended += await to_thread.run_sync(make_missing_columns, files, folder, manifest, bytes_max)
        log = self._log = await LocalLog.open(
            files,
            f"{self.path}/wal",
            identity=manifest.identity if manifest else None,
            buffers=options.log_buffers,
            is_strict=options.recovery == "strict",
        )
        if log.report.reason:
            logger.warning("%s: cut %d bytes: %s", log.report.path, log.report.bytes_cut, log.report.reason)
        return manifest, log

    def _check_reach(self, log: LocalLog, after: Lsn) -> None:
        """Refuses a checkpoint and a log that do not meet, before any file is taken for nobody's."""
        if log.durable_lsn < after:
            raise CorruptionError(
                f"{self.path}/wal", 0, f"the log ends at LSN {log.durable_lsn}, the checkpoint at {after}"
            )
        if log.first_lsn > after + 1:
            raise LogPruned(f"the checkpoint ends at LSN {after}, the log begins with {log.first_lsn}")

    async def _replay(self, log: LocalLog, applier: Applier, after: Lsn) -> None:
        """Folds in what the checkpoint does not hold."""
        total, began_s = log.durable_lsn - after, time.monotonic()
        applier.publish()
        records = log.read(Lsn(after + 1)) if total else iter(())
        while group := await to_thread.run_sync(next_group, records):
            await applier.replay(group)
            done = (group[-1].lsn - after) / total
            left_s = (time.monotonic() - began_s) * (1 - done) / done
            self.phase = Phase(
                "recovering", done, f"replaying the log, LSN {group[-1].lsn}", eta_s=round(left_s, 3)
            )
        # Read once: the page cache is for what searches read. The segments checked before are just that.
        await to_thread.run_sync(log.forget, after)
