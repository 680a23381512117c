"""A store from a backup: every byte is checked while it is copied."""

from __future__ import annotations

import time

from asteroid_cloud.indexer.backup.file_copy import chunks_of, write_chunks
from asteroid_cloud.indexer.backup.file_list import FOLDERS, read_backup
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.checkpoint.manifest import PREFIX
from asteroid_cloud.wal.disk import Files, name_of
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.store import new_folder


def restore_backup(files: Files, folder: str, into: str) -> BackupReport:
    """Makes a store of a backup, checking every byte; the store may be opened when this returns.

    Raises Conflict ``not_empty`` when ``into`` holds anything, NotFound ``no_backup``, CorruptionError,
    NoSpace, StorageError; then nothing is left in ``into``.
    """
    began_s = time.monotonic()
    found = read_backup(files, folder)
    # The manifest comes last: a half restored store without it is an empty one with a log.
    ordered = sorted(found.files, key=lambda each: name_of(each.path).startswith(PREFIX))
    with new_folder(files, into):
        folders = [into, *(f"{into}/{name}" for name in FOLDERS[found.format])]
        for name in folders:
            files.make_dirs(name)
        for each in ordered:
            chunks = chunks_of(files, f"{folder}/{each.path}", each.bytes)
            if write_chunks(files, f"{into}/{each.path}", chunks) != each.crc32:
                raise CorruptionError(f"{folder}/{each.path}", 0, "the file is not as it was backed up")
        for name in folders:
            files.sync_dir(name)
    size = sum(each.bytes for each in found.files)
    return BackupReport(found.lsn, len(found.files), size, 0, time.monotonic() - began_s)
