"""Backups: a consistent copy of a store, open or stopped.

A backup is a folder that is laid out like a store, plus a list of its files. Segments that an earlier backup
has already are linked, not copied, for segments never change.

What is copied is a checkpoint, the whole log that is retained, and the tags, as of one LSN. All of it is
pinned meanwhile: no segment and no record of it is removed, while writes, merges and checkpoints go on.

For a store that nobody has open a backup is a look, which writes nothing into it. What a start would do first
is not done: no torn tail is cut, nothing is sealed, no log is trimmed. Restoring the backup replays the log.
"""

from __future__ import annotations

from anyio import to_thread

from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import PinnedState, PinnedTag, manifest_of, pinned_tags, sources_of
from asteroid_cloud.indexer.backup.write_backup import Others, write_backup
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, manifest_name, newest_manifest
from asteroid_cloud.indexer.checkpoint.pins import PinnedCheckpoint, PinnedHistory
from asteroid_cloud.indexer.limits import MANIFEST_BYTES_MAX
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout, read_small
from asteroid_cloud.wal.errors import CorruptionError, LogPruned
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import look


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


def backup_stopped_store(
    files: Files, store: str, target: str, previous: str | None = None, others: Others | None = None
) -> BackupReport:
    """Copies the store in the folder ``store``, which may be read-only, into the new folder ``target``.

    ``others`` adds what belongs to its other collections.

    Raises as ``look``, and as ``BackupWriter.write``; LogPruned when the log no longer reaches back to the
    checkpoint. Nothing is left of the backup then.
    """
    with look(files, store):
        layout = StoreLayout(store).collection()
        manifest = newest_manifest(files, layout.index) if files.exists(layout.index) else None
        reader = LogReader(files, layout.log)
        end = reader.end
        _check_fit(layout, manifest, reader)
        log = [(extent.first_lsn, extent.path, extent.end) for extent in end.extents]
        sources = sources_of(files, layout, _checkpoint(files, layout, manifest), log)
        pinned = PinnedState(
            end.header.identity, end.last_lsn, manifest, sources, *pinned_tags(files, layout)
        )
        return write_backup(files, layout, pinned, target, previous, others)


def _checkpoint(files: Files, layout: CollectionLayout, manifest: Manifest | None) -> PinnedCheckpoint:
    if manifest is None:
        return PinnedCheckpoint(None, b"", [])
    name = manifest_name(manifest.number)
    content = read_small(files, f"{layout.index}/{name}", MANIFEST_BYTES_MAX)
    return PinnedCheckpoint(name, content, sorted(entry.number for entry in manifest.segments))


def _check_fit(layout: CollectionLayout, manifest: Manifest | None, log: LogReader) -> None:
    """Refuses a checkpoint and a log that do not fit together: a store of them would not open."""
    at = Lsn(manifest.applied_lsn if manifest else 0)
    if manifest is not None and manifest.identity != log.identity:
        raise CorruptionError(layout.log, 0, "the log belongs to another store than the manifest")
    if log.durable_lsn < at:
        reason = f"the log ends at LSN {log.durable_lsn}, the checkpoint at {at}"
        raise CorruptionError(layout.log, 0, reason)
    if log.end.first_lsn > at + 1:
        raise LogPruned(f"the checkpoint ends at LSN {at}, the log begins with {log.end.first_lsn}")
