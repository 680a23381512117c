"""Which files make up a log: their names in a folder, their headers, and how much of each counts."""

from __future__ import annotations

from typing import NamedTuple

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FILE_NAME,
    FileHeader,
    decode_file_header,
)
from asteroid_cloud.wal.lsn import Lsn


class Extent(NamedTuple):
    """A log file whose records are durable up to byte ``end``."""

    first_lsn: Lsn
    path: str
    end: int


def log_files(files: Files, folder: str) -> list[tuple[Lsn, str]]:
    """The files of a log as (first LSN, path), oldest first; none when there is no such folder."""
    names = files.list(folder) if files.exists(folder) else []
    found = [(match, name) for name in names if (match := FILE_NAME.fullmatch(name))]
    return sorted((Lsn(int(match[1])), f"{folder}/{name}") for match, name in found)


def read_file_header(files: Files, path: str) -> FileHeader:
    """The header of a log file; raises CorruptionError or UnsupportedVersion."""
    return decode_file_header(path, files.read(path, 0, FILE_HEADER_BYTES))


def checked_file_header(files: Files, path: str, first_lsn: Lsn, identity: bytes | None) -> FileHeader:
    """The header of a file that must begin with ``first_lsn`` and belong to ``identity``, if given.

    Raises CorruptionError or UnsupportedVersion.
    """
    header = read_file_header(files, path)
    if header.first_lsn != first_lsn:
        raise CorruptionError(path, 0, "the file's name and header disagree")
    if identity is not None and header.identity != identity:
        raise CorruptionError(path, 0, "the file belongs to another store")
    return header


def was_trimmed(files: Files, folder: str, first_lsn: Lsn) -> bool:
    """Whether the log begins later now than with the file of ``first_lsn``."""
    found = log_files(files, folder)
    return bool(found) and found[0][0] > first_lsn
