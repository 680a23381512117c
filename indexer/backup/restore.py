"""A store from a backup: every byte is checked while it is copied."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import msgspec

from asteroid_cloud.indexer.backup.file_copy import chunks_of, write_chunks
from asteroid_cloud.indexer.backup.file_list import FOLDERS, BackupList, check_file, read_backup
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.checkpoint.manifest import PREFIX
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout, is_backup_of_a_collection, name_of
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.store import FolderKind, kind_of, new_folder, refusal
from asteroid_cloud.wal.transfer import STORE_NAME_BYTES, begin_history


def restore_backup(
    files: Files, folder: str, into: str, others: Callable[[Files], None] | None = None
) -> BackupReport:
    """Makes a store of a backup, checking every byte; the store may be opened when this returns.

    ``others`` adds the other collections.

    Raises Conflict ``not_empty`` when ``into`` holds anything, NotFound ``no_backup``, StorageError
    ``incomplete`` for a backup whose making has not ended, CorruptionError, NoSpace; then nothing is left in
    ``into``.
    """
    began_s = time.monotonic()
    if (kind := kind_of(files, folder)) is FolderKind.INCOMPLETE:
        raise refusal(folder, kind)
    found = read_backup(files, folder)
    with new_folder(files, into) as guarded:
        report = restore_files(guarded, folder, StoreLayout(into).collection(), found)
        if others is not None:
            others(guarded)
    return msgspec.structs.replace(report, seconds=time.monotonic() - began_s)


def restore_files(files: Files, folder: str, layout: CollectionLayout, found: BackupList) -> BackupReport:
    """Copies the files of one collection out of its backup, and begins a history; raises CorruptionError, …

    The folder is made if need be. What it needs to be a store's collection is the caller's to add.
    """
    began_s, into, is_begun = time.monotonic(), layout.folder, False
    # The manifest comes last: a half restored store without it is an empty one with a log.
    ordered = sorted(found.files, key=lambda each: name_of(each.path).startswith(PREFIX))
    folders = [into, *(f"{into}/{name}" for name in FOLDERS[found.format])]
    for name in folders:
        files.make_dirs(name)
    for each in ordered:
        if is_backup_of_a_collection(each.path):
            check_file(files, folder, each)  # it is restored by itself
            continue
        if name_of(each.path).startswith(PREFIX) and not is_begun:
            _begin_history(files, layout)
            is_begun = True
        chunks = chunks_of(files, f"{folder}/{each.path}", each.bytes)
        if write_chunks(files, f"{into}/{each.path}", chunks) != each.crc32:
            raise CorruptionError(f"{folder}/{each.path}", 0, "the file is not as it was backed up")
    if not is_begun:
        _begin_history(files, layout)
    for name in folders:
        files.sync_dir(name)
    size = sum(each.bytes for each in found.files)
    return BackupReport(found.lsn, len(found.files), size, 0, time.monotonic() - began_s)


def _begin_history(files: Files, layout: CollectionLayout) -> None:
    """The store that was backed up goes on too: what this one writes must have other LSNs."""
    begin_history(files, layout.log, secrets.token_bytes(STORE_NAME_BYTES))
