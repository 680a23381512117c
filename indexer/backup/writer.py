"""Backups: a consistent copy of a running store, and a new store from one.

A backup is a folder that is laid out like a store, plus ``BACKUP.json``, which lists every file with its size
and CRC-32 and comes last: a folder without it is no backup, whatever stopped the copying. Files that an
earlier backup has already are linked, not copied, for segments never change.

What is copied is a checkpoint and the log behind it, as of one LSN: while the copying goes on, neither its
segments nor that log are removed, and writes, merges and checkpoints go on.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from asteroid_cloud.indexer.segment.segment import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, write_atomic, write_whole
from asteroid_cloud.wal.errors import Conflict, CorruptionError, NotFound, StorageError
from asteroid_cloud.wal.limits import MIB

LIST_NAME = "BACKUP.json"
FORMAT = 1
LIST_BYTES_MAX = 64 * MIB


class BackedUp(msgspec.Struct, frozen=True):
    """One file of a backup; ``path`` counts from the store's folder."""

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
    files: list[BackedUp]


class BackupReport(msgspec.Struct, frozen=True):
    """How a backup or a restoration went."""

    lsn: int
    files: int
    bytes: int
    linked_bytes: int
    """Of them, those that an earlier backup had already."""
    seconds: float


class Source(msgspec.Struct, frozen=True):
    """A file to be copied: its first ``size`` bytes, or what was read of it already."""

    path: str
    size: int
    content: bytes | None = None
    is_immutable: bool = False


class Pinned(msgspec.Struct, frozen=True):
    """What a backup copies, held in place meanwhile."""

    identity: bytes
    lsn: Lsn
    sources: list[Source]


def sources_of(
    files: Files,
    store: str,
    checkpoint: tuple[str | None, bytes, list[int]],
    log: tuple[tuple[Lsn, str, int], ...],
) -> list[Source]:
    """The files of a checkpoint (its manifest's name and contents, its segments) and of the log."""
    manifest, content, segments = checkpoint
    found = [Source(f"index/{manifest}", len(content), content)] if manifest is not None else []
    for number in segments:
        for path in segment_paths("index", number):
            if files.exists(f"{store}/{path}"):
                found.append(Source(path, files.size(f"{store}/{path}"), is_immutable=True))
    found += [Source(path.removeprefix(f"{store}/"), size) for _, path, size in log]
    return found


def write_backup(
    files: Files, store: str, pinned: Pinned, target: str, previous: str | None = None
) -> BackupReport:
    """Copies what is pinned into the new folder ``target``, and checks the copy.

    Raises Conflict ``backup_exists`` when the folder holds anything, CorruptionError when a copy does not
    read back as it was written, NoSpace and StorageError from the disk.
    """
    began_s, made_ms = time.monotonic(), time.time_ns() // 1_000_000
    if files.exists(target) and files.list(target):
        raise Conflict(f"{target} is not empty", code="backup_exists")
    old = _linkable(files, previous, pinned.identity)
    for folder in ("index", "wal"):
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
            chunks = chunks_of(files, f"{store}/{source.path}", source.size)
        copied.append(BackedUp(source.path, source.size, write_chunks(files, to, chunks)))
    made = BackupList(FORMAT, pinned.identity.hex(), pinned.lsn, made_ms, copied)
    _check_files(files, target, made)
    for folder in ("index", "wal"):
        files.sync_dir(f"{target}/{folder}")
    write_atomic(files, f"{target}/{LIST_NAME}", msgspec.json.format(msgspec.json.encode(made)))
    size = sum(each.bytes for each in copied)
    return BackupReport(pinned.lsn, len(copied), size, linked, time.monotonic() - began_s)


def read_backup(files: Files, folder: str) -> BackupList:
    """The list of a finished backup.

    Raises NotFound ``no_backup`` for a folder without one, CorruptionError for a list that does not read.
    """
    path = f"{folder}/{LIST_NAME}"
    if not files.exists(path):
        raise NotFound(f"{folder} holds no finished backup", code="no_backup")
    try:
        found = msgspec.json.decode(files.read(path, 0, LIST_BYTES_MAX), type=BackupList)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, 0, f"the list of the backup does not read: {error}") from error
    for each in found.files:
        folder_of, _, name = each.path.partition("/")
        if folder_of not in ("index", "wal") or not name or "/" in name or name.startswith("."):
            raise CorruptionError(path, 0, f"the list names a file that no store has: {each.path!r}")
    return found


def check_backup(files: Files, folder: str) -> BackupList:
    """Reads every file of a backup; raises CorruptionError when one is not as it was written."""
    found = read_backup(files, folder)
    _check_files(files, folder, found)
    return found


def restore_backup(files: Files, folder: str, into: str) -> BackupReport:
    """Makes a store of a backup, checking every byte; the store may be opened when this returns.

    Raises Conflict ``not_empty`` when ``into`` holds anything, NotFound ``no_backup``, CorruptionError.
    """
    began_s = time.monotonic()
    found = read_backup(files, folder)
    if files.exists(into) and files.list(into):
        raise Conflict(f"{into} is not empty", code="not_empty")
    # The manifest comes last: without it a store that was half restored is an empty one with a log.
    ordered = sorted(found.files, key=lambda each: each.path.startswith("index/manifest"))
    for name in ("index", "wal"):
        files.make_dirs(f"{into}/{name}")
    for each in ordered:
        crc = write_chunks(
            files, f"{into}/{each.path}", chunks_of(files, f"{folder}/{each.path}", each.bytes)
        )
        if crc != each.crc32:
            raise CorruptionError(f"{folder}/{each.path}", 0, "the file is not as it was backed up")
    for name in ("index", "wal"):
        files.sync_dir(f"{into}/{name}")
    size = sum(each.bytes for each in found.files)
    return BackupReport(found.lsn, len(found.files), size, 0, time.monotonic() - began_s)


def _linkable(files: Files, previous: str | None, identity: bytes) -> dict[str, BackedUp]:
    """What an earlier backup of the same store has."""
    if previous is None:
        return {}
    found = read_backup(files, previous)
    if found.identity != identity.hex():
        raise Conflict(f"{previous} is a backup of another store", code="backup_of_another_store")
    return {each.path: each for each in found.files}


def link_file(files: Files, old: str, new: str) -> bool:
    """Gives a file a second name; False where the file system cannot."""
    try:
        files.link(old, new)
    except StorageError:
        return False
    return True


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


def _check_files(files: Files, folder: str, found: BackupList) -> None:
    for each in found.files:
        path, crc = f"{folder}/{each.path}", 0
        if not files.exists(path):
            raise CorruptionError(path, 0, "a file of the backup is missing")
        for chunk in chunks_of(files, path, each.bytes):
            crc = zlib.crc32(chunk, crc)
        if crc != each.crc32 or files.size(path) != each.bytes:
            raise CorruptionError(path, 0, "a file of the backup is not as it was written")
