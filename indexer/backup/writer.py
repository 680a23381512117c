"""Backups: a consistent copy of a store that is open.

A backup is a folder that is laid out like a store, plus a list of its files. Segments that an earlier backup
has already are linked, not copied, for segments never change.

What is copied is a checkpoint and the whole log that is retained, as of one LSN. Both are pinned meanwhile:
neither the checkpoint's segments nor any of that log is removed, while writes, merges and checkpoints go on.
"""

from __future__ import annotations

from anyio import to_thread

from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import PinnedState, sources_of
from asteroid_cloud.indexer.backup.write_backup import write_backup
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
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
        async with self._checkpointer.pin_checkpoint(lambda: self._log.first_lsn) as checkpoint:
            lsn, log = self._log.reader.extents()
            sources = await to_thread.run_sync(sources_of, files, layout, checkpoint, log)
            pinned = PinnedState(self._log.identity, lsn, sources)
            return await to_thread.run_sync(write_backup, files, layout, pinned, target, previous)
