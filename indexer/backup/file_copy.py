"""Copying whole files, a bounded number of bytes at a time, or giving them a second name."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

from asteroid_cloud.wal.disk import Files, write_whole
from asteroid_cloud.wal.errors import CorruptionError, StorageError
from asteroid_cloud.wal.limits import MIB


def link_file(files: Files, old: str, new: str) -> bool:
    """Gives a file a second name; False where the file system cannot."""
    try:
        files.link(old, new)
    except StorageError:
        return False
    return True


def link_or_copy(files: Files, old: str, new: str) -> None:
    """Links a file that never changes, or copies it to another disk; raises NoSpace and StorageError."""
    if not link_file(files, old, new):
        write_chunks(files, new, chunks_of(files, old, files.size(old)))


def chunks_of(files: Files, path: str, size: int) -> Iterator[bytes]:
    """The first bytes of a file, a bounded number at a time; raises CorruptionError when there are fewer."""
    file = files.open_read(path)
    for start in range(0, size, MIB):
        chunk = file.read(start, min(MIB, size - start))
        if len(chunk) != min(MIB, size - start):
            raise CorruptionError(path, start + len(chunk), f"the file ends before its {size} bytes")
        yield chunk
    with suppress(StorageError):  # read once: the page cache is for searches
        files.forget(path)


def write_chunks(files: Files, path: str, chunks: Iterable[bytes]) -> int:
    """Writes a new file as a whole, durably; its CRC-32. Raises NoSpace and StorageError."""
    crc = 0

    def summed() -> Iterator[bytes]:
        nonlocal crc
        for chunk in chunks:
            crc = zlib.crc32(chunk, crc)
            yield chunk

    write_whole(files, path, summed())
    return crc
