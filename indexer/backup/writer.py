"""Backups: a consistent copy of a store that is open.

A backup is a folder that is laid out like a store, plus a list of its files. Segments that an earlier backup
has already are linked, not copied, for segments never change.

What is copied is a checkpoint, the whole log that is retained, and the tags, as of one LSN. All of it is
pinned meanwhile: no segment and no record of it is removed, while writes, merges and checkpoints go on.
"""

from __future__ import annotations

from anyio import to_thread

from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import PinnedState, PinnedTag, manifest_of, pinned_tags, sources_of
from asteroid_cloud.indexer.backup.write_backup import write_backup
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.pins import PinnedHistory
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.disk import CollectionLayout, Files


class BackupWriter:
    """Writes backups of one open store."""

    def __init__(
        self, files: Files, layout: CollectionLayout, checkpointer: Checkpointer, log: LocalLog
    ) -> None:
        self._files = files
        self._layout = layout
        self._checkpointer = checkpointer
        self._log = log

    async def write(self, target: str, previous: str | None = None) -> BackupReport:
        """Copies the store, as it is now, into the new folder ``target``; writes and searches go on.

        Segments that ``previous``, an earlier backup, has already are linked. Raises Conflict
        ``backup_exists`` or ``backup_of_another_store``, NotFound ``no_backup`` for ``previous``,
        CorruptionError, NoSpace and StorageError; nothing is left then of what was copied.
        """
        files, layout = self._files, self._layout
        history: list[tuple[list[PinnedTag], list[str]]] = []

        def also() -> PinnedHistory:
            history.append(pinned_tags(files, layout))
            segments = frozenset[int]().union(*(tag.segments for tag in history[0][0]))
            return PinnedHistory(self._log.first_lsn, segments)

        async with self._checkpointer.pin_checkpoint(also) as checkpoint:
            lsn, log = self._log.reader.extents()
            sources = await to_thread.run_sync(sources_of, files, layout, checkpoint, log)
            pinned = PinnedState(self._log.identity, lsn, manifest_of(checkpoint), sources, *history[0])
            return await to_thread.run_sync(write_backup, files, layout, pinned, target, previous)
