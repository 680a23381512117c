"""Reindexing: a second index, built from the log and compared with the live one, or put in its place.

``compare`` is a look: the second index is built in a temporary folder of the system, and nothing in the store
changes, not even a torn tail. ``run`` builds it in ``index.rebuilt`` beside the live index, and
``install`` puts that in the place of ``index``. Both work on a store that nobody has open.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

import msgspec

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered, open_checkpoint
from asteroid_cloud.indexer.checkpoint.segment_numbers import first_free_number
from asteroid_cloud.indexer.history.tagged_segments import link_tagged_segments
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.reindex.index_build import IndexBuild, Progress, digest_with_tail
from asteroid_cloud.wal.disk import (
    CollectionLayout,
    Files,
    LocalFiles,
    StoreLayout,
    remove_tree,
)
from asteroid_cloud.wal.errors import CorruptionError, LockHeld, StorageError
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import enter, look, replace_index

WHY_ALONE = (
    "whoever has it open may trim the log before the second index has all of it: replay a backup, or stop "
    "the server (asteroid verify works beside one)"
)
SCRATCH = "asteroid-reindex-"
"""Begins the names of temporary folders."""


class ReindexReport(msgspec.Struct, frozen=True, kw_only=True):
    """What reindexing found; ``live_digest`` is None when the live index does not open."""

    from_lsn: int
    """The first record replayed; the rows of those before it, if any, come from the checkpoint."""
    to_lsn: int
    vectors: int
    segments: int
    digest: str
    live_digest: str | None
    live_error: str | None

    @property
    def agrees(self) -> bool:
        """Whether the live index holds what the log says."""
        return self.live_digest == self.digest


@dataclass(frozen=True, slots=True)
class Reindex:
    """The reindexing of the store in ``path``."""

    files: Files
    path: str
    options: EngineOptions

    def compare(self, progress: Progress) -> ReindexReport:
        """Builds a second index in a temporary folder and compares digests; changes nothing in the store.

        Raises LockHeld when a server has the store open, which might trim the log while it is read, LogPruned
        when neither the log reaches back to the first record nor the checkpoint opens, CorruptionError for a
        damaged log, NoSpace.
        """
        try:
            with look(self.files, self.path, backups=True), TemporaryDirectory(prefix=SCRATCH) as scratch:
                return self._build(LocalFiles(), scratch, progress)
        except LockHeld as error:
            raise LockHeld(f"{error.message}; {WHY_ALONE}") from error

    def run(self, progress: Progress) -> ReindexReport:
        """Builds a second index in ``index.rebuilt`` and compares digests; raises as ``compare``."""
        with enter(self.files, self.path) as access:
            return replace(self, files=access.files).run_locked(progress)

    def apply(self, progress: Progress) -> tuple[ReindexReport, str | None]:
        """``run``, and the rebuilt index in the live one's place; the report, and the old one's name now."""
        with enter(self.files, self.path) as access:
            return replace(self, files=access.files).apply_locked(progress)

    def apply_locked(self, progress: Progress) -> tuple[ReindexReport, str | None]:
        """The same for one who holds the lock already."""
        return self.run_locked(progress), self.install_locked()

    def run_locked(self, progress: Progress) -> ReindexReport:
        """``run`` for one who holds the lock already."""
        self._refuse_shorter_log()
        self.discard()
        folder = self._layout.rebuilt_index
        self.files.make_dirs(folder)
        try:
            return self._build(self.files, folder, progress)
        except StorageError:
            with suppress(StorageError):  # it takes up room; the next attempt removes it as well
                self.discard()
            raise

    def install_locked(self) -> str | None:
        """Puts the rebuilt index in the live one's place; the name that the old one, if any, has now."""
        if self.files.exists(self._layout.index):
            link_tagged_segments(self.files, self._layout, self._layout.rebuilt_index)
        try:
            return replace_index(self.files, self._layout)
        except StorageError:
            with suppress(StorageError):  # it takes up room; the next attempt builds it again
                self.discard()
            raise

    def discard(self) -> None:
        """Removes the rebuilt index, unless it is being put in place: the next start finishes that."""
        folder = self._layout.rebuilt_index
        if self.files.exists(folder) and not self.files.exists(self._layout.rebuilt_ready):
            remove_tree(self.files, folder)

    def live_digest(self) -> str:
        """The digest of the live index with the rest of the log applied; changes nothing in the store.

        Raises LockHeld, and CorruptionError when there is no index or it does not open.
        """
        with look(self.files, self.path, backups=True):
            return self.live_digest_locked()

    def live_digest_locked(self) -> str:
        """The same for one who holds the lock already."""
        log = LogReader(self.files, self._layout.log)
        live, error = self._open_live(log)
        if live is None:
            raise CorruptionError(self._layout.index, 0, error or "it does not open")
        with TemporaryDirectory(prefix=SCRATCH) as scratch:
            return digest_with_tail(live, log, self._builder(LocalFiles(), scratch, log))

    @property
    def _layout(self) -> CollectionLayout:
        return StoreLayout(self.path).collection()

    def _build(self, target: Files, folder: str, progress: Progress) -> ReindexReport:
        """Builds an index in a folder of ``target``, and compares it with the live one."""
        log = LogReader(self.files, self._layout.log)
        live, live_error = self._open_live(log)
        free = first_free_number(self.files, self._layout.index)
        first_number = max(live.next_segment, free) if live else free
        builder = self._builder(target, folder, log)
        state = IndexBuild(log, live, builder, first_number).run(progress)
        return ReindexReport(
            from_lsn=log.first_lsn,
            to_lsn=log.durable_lsn,
            vectors=state.live,
            segments=len(state.segments),
            digest=snapshot_digest(state.snapshot()),
            live_digest=None if live is None else digest_with_tail(live, log, builder),
            live_error=live_error,
        )

    def _refuse_shorter_log(self) -> None:
        """Refuses to make an index of a log that lacks records which the live one holds."""
        files, layout = self.files, self._layout
        try:
            manifest = newest_manifest(files, layout.index) if files.exists(layout.index) else None
        except CorruptionError:
            return
        last = LogReader(files, layout.log).durable_lsn
        if manifest is not None and last < manifest.applied_lsn:
            reason = f"the log ends with record {last}, the index holds records up to {manifest.applied_lsn}"
            raise CorruptionError(layout.log, 0, f"{reason}: one that is built from the log would lack them")

    def _builder(self, target: Files, folder: str, log: LogReader) -> SegmentBuilder:
        budget = MemoryBudget(self.options.memory_budget_bytes)
        return SegmentBuilder(target, folder, log.identity, self.options, budget)

    def _open_live(self, log: LogReader) -> tuple[Recovered | None, str | None]:
        files, folder = self.files, self._layout.index
        if not files.exists(folder):
            return None, "it is missing"
        try:
            return open_checkpoint(files, folder, newest_manifest(files, folder), log.identity), None
        except CorruptionError as error:
            return None, error.message
