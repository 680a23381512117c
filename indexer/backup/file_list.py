"""The list of a backup, ``BACKUP.json``: every file with its size and CRC-32.

It is written last: a folder without it is no backup, whatever stopped the copying.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from asteroid_cloud.indexer.backup.file_copy import chunks_of
from asteroid_cloud.wal.disk import INDEX, LOG, CollectionLayout, Files, StoreLayout, read_small, write_atomic
from asteroid_cloud.wal.errors import CorruptionError, NotFound
from asteroid_cloud.wal.limits import MIB

FORMAT = 1
LIST_BYTES_MAX = 64 * MIB
FOLDERS = (INDEX, LOG)
"""The folders that a backup has."""


class ListedFile(msgspec.Struct, frozen=True):
    """One file of a backup; ``path`` is relative to the backup's folder."""

    path: str
    bytes: int
    crc32: int


class BackupList(msgspec.Struct, frozen=True):
    """What a backup holds."""

    format: int
    identity: str
    """The store's, in hexadecimal."""
    lsn: int
    """Every record up to here is in it."""
    made_ms: int
    """When it was begun, in milliseconds since 1970."""
    files: list[ListedFile]


def write_list(files: Files, layout: CollectionLayout, made: BackupList) -> None:
    """Makes the list durable: from then on the folder is a backup."""
    write_atomic(files, layout.backup_list, msgspec.json.format(msgspec.json.encode(made)))


def is_backup(files: Files, folder: str) -> bool:
    """Whether a folder holds a finished backup."""
    return files.exists(StoreLayout(folder).collection().backup_list)


def read_backup(files: Files, folder: str) -> BackupList:
    """The list of a finished backup.

    Raises NotFound ``no_backup`` for a folder without one, CorruptionError for a list that does not decode.
    """
    path = StoreLayout(folder).collection().backup_list
    if not files.exists(path):
        raise NotFound(f"{folder} holds no finished backup", code="no_backup")
    try:
        found = msgspec.json.decode(read_small(files, path, LIST_BYTES_MAX), type=BackupList)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"the list of the backup does not decode: {error}") from error
    for each in found.files:
        parent, _, name = each.path.partition("/")
        if parent not in FOLDERS or not name or "/" in name or name.startswith("."):
            raise CorruptionError(path, 0, f"the list names a file that no store has: {each.path!r}")
    return found


def check_backup(files: Files, folder: str) -> BackupList:
    """Reads every file of a backup; raises CorruptionError when one is not as it was written."""
    found = read_backup(files, folder)
    check_files(files, folder, found.files)
    return found


def check_files(files: Files, folder: str, listed: Iterable[ListedFile]) -> None:
    """Compares files of a backup with what is listed; raises CorruptionError when one differs."""
    for each in listed:
        check_file(files, folder, each)


def check_file(files: Files, folder: str, listed: ListedFile) -> None:
    """Reads one file of a backup; raises CorruptionError when it is not as it was written."""
    path, crc = f"{folder}/{listed.path}", 0
    if not files.exists(path):
        raise CorruptionError(path, 0, "a file of the backup is missing")
    for chunk in chunks_of(files, path, listed.bytes):
        crc = zlib.crc32(chunk, crc)
    if crc != listed.crc32 or files.size(path) != listed.bytes:
        raise CorruptionError(path, 0, "a file of the backup is not as it was written")
