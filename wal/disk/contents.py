"""Existing files: their bytes, a bounded number at a time, and cutting their end."""

from __future__ import annotations

from collections.abc import Iterator

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB


def read_chunks(files: Files, path: str, start: int, end: int) -> Iterator[bytes]:
    """Bytes ``start`` to ``end`` of a file; raises CorruptionError when the file ends before."""
    for offset in range(start, end, MIB):
        wanted = min(MIB, end - offset)
        chunk = files.read(path, offset, wanted)
        if len(chunk) != wanted:
            raise CorruptionError(path, offset + len(chunk), f"the file ends before byte {end}")
        yield chunk


def read_small(files: Files, path: str, bytes_max: int) -> bytes:
    """A whole file; raises CorruptionError, with nothing read, for one larger than any of its kind."""
    size = files.size(path)
    if size > bytes_max:
        raise CorruptionError(path, 0, f"it has {size:,} bytes; a file of its kind has at most {bytes_max:,}")
    return files.read(path, 0, size)


def cut_file(files: Files, path: str, size: int) -> None:
    """Cuts a file to its first ``size`` bytes, durably."""
    file = files.open_append(path)
    try:
        file.truncate(size)
        file.sync()
    finally:
        file.close()
