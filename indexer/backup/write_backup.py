"""Writing a backup: what is pinned is copied or linked, checked, then listed; or nothing is left of it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from asteroid_cloud.indexer.backup.copy_check import check_copy
from asteroid_cloud.indexer.backup.earlier import EarlierBackup
from asteroid_cloud.indexer.backup.file_copy import chunks_of, filling, write_chunks
from asteroid_cloud.indexer.backup.file_list import (
    FOLDERS,
    FORMAT,
    BackupList,
    ListedFile,
    check_files,
    write_list,
)
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import FileToCopy, PinnedState
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout
from asteroid_cloud.wal.errors import Conflict


def write_backup(
    files: Files, layout: CollectionLayout, pinned: PinnedState, target: str, previous: str | None = None
) -> BackupReport:
    """Copies what is pinned into the new folder ``target``, and checks the copy.

    Segments that ``previous``, an earlier backup, has whole are linked. Raises Conflict ``backup_exists``
    when the folder holds anything, CorruptionError when a file of the store is damaged or a copy does not
    read back as it was written, NoSpace and StorageError; then nothing is left of it.
    """
    began_s, made_ms = time.monotonic(), time.time_ns() // 1_000_000
    if files.exists(target) and files.list(target):
        raise Conflict(f"{target} is not empty", code="backup_exists")
    earlier, made = EarlierBackup(files, previous, pinned.identity), StoreLayout(target).collection()
    with filling(files, target):
        for folder in FOLDERS:
            files.make_dirs(f"{target}/{folder}")
        copied, linked = _take_all(files, layout, pinned.sources, target, earlier)
        check_files(files, target, copied)
        check_copy(files, made, layout, {each.path for each in copied})
        for folder in FOLDERS:
            files.sync_dir(f"{target}/{folder}")
        listed = [*copied, *linked]
        write_list(files, made, BackupList(FORMAT, pinned.identity.hex(), pinned.lsn, made_ms, listed))
    return BackupReport(
        pinned.lsn,
        len(listed),
        sum(each.bytes for each in listed),
        sum(each.bytes for each in linked),
        time.monotonic() - began_s,
        earlier.damaged,
    )


def _take_all(
    files: Files,
    layout: CollectionLayout,
    sources: Iterable[FileToCopy],
    target: str,
    earlier: EarlierBackup,
) -> tuple[list[ListedFile], list[ListedFile]]:
    """Links what the earlier backup has, and copies the rest: the copied files, and the linked ones."""
    copied, linked = [], []
    for source in sources:
        original, to = f"{layout.folder}/{source.path}", f"{target}/{source.path}"
        known = earlier.link(source, original, to)
        if known is not None:
            linked.append(known)
            continue
        chunks: Iterable[bytes] = (source.content,) if source.content is not None else ()
        if source.content is None:
            chunks = chunks_of(files, original, source.size)
        copied.append(ListedFile(source.path, source.size, write_chunks(files, to, chunks)))
    return copied, linked
