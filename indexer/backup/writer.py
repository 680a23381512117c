"""Backups: a consistent copy of a store that is open.

A backup is a folder that is laid out like a store, plus a list of its files. Segments that an earlier backup
has already are linked, not copied, for segments never change.

What is copied is a checkpoint and the log behind it, as of one LSN. Both are pinned meanwhile: neither the
checkpoint's segments nor that part of the log are removed, while writes, merges and checkpoints go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec
from anyio import to_thread

from asteroid_cloud.indexer.backup.file_copy import chunks_of, link_file, write_chunks
from asteroid_cloud.indexer.backup.file_list import (
    FOLDERS,
    FORMAT,
    BackupList,
    ListedFile,
    check_files,
    read_backup,
    write_list,
)
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.checkpoint.checkpointer import Checkpointer
from asteroid_cloud.indexer.checkpoint.pins import PinnedCheckpoint
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout
from asteroid_cloud.wal.errors import Conflict


class FileToCopy(msgspec.Struct, frozen=True):
    """The first ``size`` bytes of a file, or its contents where they were read already."""

    path: str
    """Relative to the collection's folder."""
    size: int
    content: bytes | None = None
    is_immutable: bool = False


class PinnedState(msgspec.Struct, frozen=True):
    """What a backup copies: all of it stays in place until the backup is done."""

    identity: bytes
    lsn: Lsn
    sources: list[FileToCopy]


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
        CorruptionError, NoSpace and StorageError; what was copied until then is no backup.
        """
        files, layout = self._files, self._layout
        async with self._checkpointer.pin_checkpoint() as checkpoint:
            lsn, log = self._log.reader.extents()
            sources = await to_thread.run_sync(_sources_of, files, layout, checkpoint, log)
            pinned = PinnedState(self._log.identity, lsn, sources)
            return await to_thread.run_sync(write_backup, files, layout, pinned, target, previous)


def _sources_of(
    files: Files,
    layout: CollectionLayout,
    checkpoint: PinnedCheckpoint,
    log: tuple[tuple[Lsn, str, int], ...],
) -> list[FileToCopy]:
    """The files of a checkpoint (its manifest, its segments) and of the log."""
    found = []
    if checkpoint.manifest is not None:
        path = layout.relative(f"{layout.index}/{checkpoint.manifest}")
        found.append(FileToCopy(path, len(checkpoint.content), checkpoint.content))
    for number in checkpoint.segments:
        for path in segment_paths(layout.index, number):
            if files.exists(path):
                found.append(FileToCopy(layout.relative(path), files.size(path), is_immutable=True))
    found += [FileToCopy(layout.relative(path), size) for _, path, size in log]
    return found


def write_backup(
    files: Files, layout: CollectionLayout, pinned: PinnedState, target: str, previous: str | None = None
) -> BackupReport:
    """Copies what is pinned into the new folder ``target``, and checks the copy.

    Raises Conflict ``backup_exists`` when the folder holds anything, CorruptionError when a copy does not
    read back as it was written, NoSpace and StorageError from the disk.
    """
    began_s, made_ms = time.monotonic(), time.time_ns() // 1_000_000
    if files.exists(target) and files.list(target):
        raise Conflict(f"{target} is not empty", code="backup_exists")
    old = _linkable(files, previous, pinned.identity)
    for folder in FOLDERS:
        files.make_dirs(f"{target}/{folder}")
    copied, linked = [], 0
    for source in pinned.sources:
        known, to = old.get(source.path), f"{target}/{source.path}"
        is_known = source.is_immutable and known is not None and known.bytes == source.size
        if known is not None and is_known and link_file(files, f"{previous}/{source.path}", to):
            linked += source.size
            copied.append(known)
            continue
        chunks: Iterable[bytes] = (source.content,) if source.content is not None else ()
        if source.content is None:
            chunks = chunks_of(files, f"{layout.folder}/{source.path}", source.size)
        copied.append(ListedFile(source.path, source.size, write_chunks(files, to, chunks)))
    made = BackupList(FORMAT, pinned.identity.hex(), pinned.lsn, made_ms, copied)
    check_files(files, target, made)
    for folder in FOLDERS:
        files.sync_dir(f"{target}/{folder}")
    write_list(files, StoreLayout(target).collection(), made)
    size = sum(each.bytes for each in copied)
    return BackupReport(pinned.lsn, len(copied), size, linked, time.monotonic() - began_s)


def _linkable(files: Files, previous: str | None, identity: bytes) -> dict[str, ListedFile]:
    """What an earlier backup of the same store has."""
    if previous is None:
        return {}
    found = read_backup(files, previous)
    if found.identity != identity.hex():
        raise Conflict(f"{previous} is a backup of another store", code="backup_of_another_store")
    return {each.path: each for each in found.files}
