"""A part of a log as one file, and a log made from such a file.

    file := file-header frame* file-header

The first header is that of a log file. The second one is that of the file which would follow: it proves that
nothing is missing at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.disk.atomic_write import UNFINISHED, folder_of, remove_unfinished, write_whole
from asteroid_cloud.wal.disk.contents import read_chunks
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.layout import LOCK, LOG, StoreLayout
from asteroid_cloud.wal.errors import Conflict, CorruptionError, InvalidRequest, LogPruned
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FileHeader,
    decode_file_header,
    encode_file_header,
    file_name,
)
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import FrameWalker
from asteroid_cloud.wal.read.frame_window import Window
from asteroid_cloud.wal.read.log_end import find_end
from asteroid_cloud.wal.read.log_folder import log_files, read_file_header
from asteroid_cloud.wal.repair.torn_tail import cut_tail
from asteroid_cloud.wal.store.access import enter
from asteroid_cloud.wal.store.kind import FolderKind, kind_of
from asteroid_cloud.wal.store.new_folder import new_folder
from asteroid_cloud.wal.transfer.log_copy import LogSource


class LogExport(msgspec.Struct, frozen=True, kw_only=True):
    """What an exported file holds."""

    identity: str
    """The store's, in hexadecimal."""
    epoch: int
    first_lsn: Lsn
    last_lsn: Lsn
    """``first_lsn - 1`` when it holds no record."""
    bytes: int


def export_log(
    files: Files, folder: str, path: str, from_lsn: Lsn | None = None, until_lsn: Lsn | None = None
) -> LogExport:
    """Writes records of the log in ``folder`` into the new file ``path``, durably, as a whole or not at all.

    Without bounds all that there are; a server may be writing the log. Raises NotFound, Conflict ``exists``,
    LogPruned when the log begins later, InvalidRequest ``bad_lsn`` for bounds that it does not hold,
    CorruptionError, NoSpace, StorageError.
    """
    if files.exists(path):
        raise Conflict(f"{path} exists already", code="exists")
    source = LogSource(files, [folder])
    first = from_lsn or source.first_lsn
    if until_lsn is not None and until_lsn < first:
        raise InvalidRequest(f"until_lsn {until_lsn} is before the first record, {first}", code="bad_lsn")
    header = FileHeader(source.identity, first, source.epoch)
    return _write(files, path, header, _pieces(source, header, until_lsn))


def check_export(files: Files, path: str) -> LogExport:
    """Reads every record of an exported file; raises CorruptionError, UnsupportedVersion, StorageError."""
    header, size = read_file_header(files, path), files.size(path)
    end = size - FILE_HEADER_BYTES
    if end < FILE_HEADER_BYTES:
        raise CorruptionError(path, size, "the file is cut off")
    unpacker = ZstdDecompressor()
    try:
        closing = decode_file_header(path, files.read(path, end, FILE_HEADER_BYTES))
    except CorruptionError as error:
        raise CorruptionError(path, end, "the file is cut off, or is no exported file") from error
    walker = FrameWalker(Window(files, path, end), header.identity, Lsn(header.first_lsn - 1))
    for frame in walker:
        for _ in frame.records(unpacker):
            pass
    last = walker.last_lsn
    if (closing.identity, closing.first_lsn) != (header.identity, last + 1):
        raise CorruptionError(path, end, f"the file ends with record {last}, not as it was exported")
    return _described(header, last, size)


def import_log(files: Files, path: str, into: str) -> LogExport:
    """Checks an exported file and makes it the log of a new store, or appends it to that of a stopped one.

    Its records become one log file, whatever their size, so that they are there as a whole or not at all.
    Raises as ``enter``, CorruptionError, LogPruned when a new store would not begin with record 1, Conflict:
    ``not_empty`` when the folder holds no log but something else, ``another_store`` or ``lsn_mismatch``
    when the records do not go on where that log ends, NoSpace, StorageError.
    """
    found = check_export(files, path)
    folder = StoreLayout(into).collection().log
    if kind_of(files, into) in (FolderKind.STORE, FolderKind.BACKUP):
        with enter(files, into) as access:
            _append(access.files, path, found, folder)
        return found
    with new_folder(files, into) as making:
        _check_new(found)
        making.make_dirs(folder)
        _take(making, path, found, folder)
    return found


def _append(files: Files, path: str, found: LogExport, folder: str) -> None:
    """Takes an export into the log of a store, which has one or is nothing but the place for one."""
    if log_files(files, folder):
        _check_end(files, found, folder)
    else:
        _check_bare(files, folder)
        _check_new(found)
    remove_unfinished(files, folder)
    _take(files, path, found, folder)


def _pieces(source: LogSource, header: FileHeader, until_lsn: Lsn | None) -> Iterator[tuple[bytes, Lsn]]:
    """Frames ready to be written, each with its last record."""
    wanted = header.first_lsn
    for frame in source.frames(wanted):
        last = frame.header.last_lsn if until_lsn is None else min(frame.header.last_lsn, until_lsn)
        yield frame.part(header.identity, wanted, last), last
        wanted = Lsn(last + 1)
        if last == until_lsn:
            return
    if until_lsn is not None:
        raise InvalidRequest(f"until_lsn is {until_lsn}; the log ends before it", code="bad_lsn")
    if wanted == header.first_lsn and wanted > source.first_lsn:
        raise InvalidRequest(f"from_lsn is {wanted}; the log ends before it", code="bad_lsn")


def _write(files: Files, path: str, header: FileHeader, pieces: Iterator[tuple[bytes, Lsn]]) -> LogExport:
    last = Lsn(header.first_lsn - 1)

    def contents() -> Iterator[bytes]:
        nonlocal last
        yield encode_file_header(header)
        for data, last_of_piece in pieces:
            yield data
            last = last_of_piece
        yield encode_file_header(FileHeader(header.identity, Lsn(last + 1), header.epoch))

    size = write_whole(files, path, contents())
    return _described(header, last, size)


def _described(header: FileHeader, last: Lsn, size: int) -> LogExport:
    return LogExport(
        identity=header.identity.hex(),
        epoch=header.epoch,
        first_lsn=header.first_lsn,
        last_lsn=last,
        bytes=size,
    )


def _check_new(found: LogExport) -> None:
    if found.first_lsn != 1:
        reason = f"the file begins with record {found.first_lsn}; a new store needs all from record 1 on"
        raise LogPruned(reason)


def _check_bare(files: Files, folder: str) -> None:
    """Raises Conflict ``not_empty`` when a store without a log has anything else."""
    store = folder_of(folder)
    left = files.list(folder) if files.exists(folder) else []
    if set(files.list(store)) - {LOCK, LOG} or any(not name.endswith(UNFINISHED) for name in left):
        raise Conflict(f"{store} is not empty, and holds no log", code="not_empty")


def _check_end(files: Files, found: LogExport, folder: str) -> None:
    """Raises Conflict unless the log ends just before; cuts its torn tail then, as any start would."""
    end = find_end(files, folder, None)
    assert end is not None
    if (end.header.identity.hex(), end.header.epoch) != (found.identity, found.epoch):
        raise Conflict(
            "the file is of another store, or of another history of this one", code="another_store"
        )
    if found.first_lsn != end.last_lsn + 1:
        reason = f"the file begins with record {found.first_lsn}, the log ends with {end.last_lsn}"
        raise Conflict(reason, code="lsn_mismatch")
    if found.last_lsn >= found.first_lsn:
        cut_tail(files, end)


def _take(files: Files, path: str, found: LogExport, folder: str) -> None:
    """Copies all but the closing header under a log file's name; an empty file of that name is replaced."""
    target = f"{folder}/{file_name(found.first_lsn)}"
    write_whole(files, target, read_chunks(files, path, 0, found.bytes - FILE_HEADER_BYTES))
