"""The list of a backup, ``BACKUP.json``: every file with its size and CRC-32, and the CRC-32 of the list.

It is written last: a folder without it is no backup, whatever stopped the copying. Format 1, that of version
0.1.0, has no tags, no record of what was lost, and no checksum of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from asteroid_cloud.indexer.backup.file_copy import chunks_of
from asteroid_cloud.wal.disk import (
    CATALOG,
    INDEX,
    LOG,
    LOST,
    RETENTION,
    TAGS,
    CollectionLayout,
    Files,
    StoreLayout,
    is_backup_of_a_collection,
    read_small,
    write_atomic,
)
from asteroid_cloud.wal.errors import CorruptionError, NotFound, UnsupportedVersion
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.store import refuse_linked_parts

FORMAT = 2
WHOLE_FORMAT = 3
"""Of the backup of a store with other collections than ``default``; see ``indexer.whole_store``."""
LIST_BYTES_MAX = 64 * MIB
FOLDERS = {1: (INDEX, LOG), FORMAT: (INDEX, LOG, TAGS), WHOLE_FORMAT: (INDEX, LOG, TAGS)}
"""The folders that a backup of each format has."""


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
    crc32: int = 0
    """Of this list as compact JSON in which it is 0; unused in format 1."""

    @classmethod
    def of(
        cls, identity: bytes, lsn: int, made_ms: int, files: list[ListedFile], format: int = FORMAT
    ) -> BackupList:
        """A list with its checksum."""
        made = cls(format, identity.hex(), lsn, made_ms, files)
        return msgspec.structs.replace(made, crc32=made.checksum())

    def checksum(self) -> int:
        """What ``crc32`` has to be."""
        return zlib.crc32(msgspec.json.encode(msgspec.structs.replace(self, crc32=0)))


def write_list(files: Files, layout: CollectionLayout, made: BackupList) -> None:
    """Makes the list durable: from then on the folder is a backup."""
    write_atomic(files, layout.backup_list, msgspec.json.format(msgspec.json.encode(made)))


def is_backup(files: Files, folder: str) -> bool:
    """Whether a folder holds a finished backup."""
    return files.exists(StoreLayout(folder).collection().backup_list)


def read_backup(files: Files, folder: str) -> BackupList:
    """The list of a finished backup.

    Raises NotFound ``no_backup`` for a folder without one, CorruptionError for a list that is damaged and for
    a folder inside that is a link, UnsupportedVersion for one of a newer program.
    """
    path = StoreLayout(folder).collection().backup_list
    if not files.exists(path):
        raise NotFound(f"{folder} holds no finished backup", code="no_backup")
    refuse_linked_parts(files, folder)
    try:
        found = msgspec.json.decode(read_small(files, path, LIST_BYTES_MAX), type=BackupList)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"the list of the backup does not decode: {error}") from error
    if found.format not in FOLDERS:
        raise UnsupportedVersion(f"{path} has format {found.format}; this program knows {WHOLE_FORMAT}")
    if found.format > 1 and found.crc32 != found.checksum():
        raise CorruptionError(path, 0, "the checksum of the list does not match")
    for each in found.files:
        if not _is_of_a_store(each.path, found.format):
            raise CorruptionError(path, 0, f"the list names a file that no store has: {each.path!r}")
    return found


def _is_of_a_store(path: str, format: int) -> bool:
    parent, _, name = path.partition("/")
    if format == WHOLE_FORMAT and (path == CATALOG or is_backup_of_a_collection(path)):
        return True
    if path in (LOST, RETENTION):
        return format > 1
    return parent in FOLDERS[format] and name != "" and "/" not in name and not name.startswith(".")


def check_backup(files: Files, folder: str) -> BackupList:
    """Reads every file of a backup; raises CorruptionError when one is not as it was written."""
    found = read_backup(files, folder)
    check_files(files, folder, found.files)
    return found


def check_backed_up_log(files: Files, folder: str) -> None:
    """Compares the log of a backup with what is listed; of any other folder nothing is checked.

    In a log alone, damage at its very end looks like a torn write. Raises as ``check_backup``.
    """
    if is_backup(files, folder):
        layout = StoreLayout(folder).collection()
        log = f"{layout.relative(layout.log)}/"
        listed = read_backup(files, folder).files
        check_files(files, folder, (each for each in listed if each.path.startswith(log)))


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
