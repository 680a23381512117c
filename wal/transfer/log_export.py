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
from asteroid_cloud.wal.format.frame import decode_header
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FileHeader,
    decode_file_header,
    encode_file_header,
    file_name,
)
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import FrameWalker
from asteroid_cloud.wal.read.frame_window import Frame, Window
from asteroid_cloud.wal.read.log_end import find_end
from asteroid_cloud.wal.read.log_folder import log_files, read_file_header
from asteroid_cloud.wal.repair.torn_tail import cut_tail
from asteroid_cloud.wal.store.access import enter
from asteroid_cloud.wal.store.kind import FolderKind, kind_of
from asteroid_cloud.wal.store.new_folder import new_folder
from asteroid_cloud.wal.transfer.log_copy import LogSource
from asteroid_cloud.wal.transfer.shared_record import differs


class LogExport(msgspec.Struct, frozen=True, kw_only=True):
    """What an exported file holds."""

    identity: str
    """The store's, in hexadecimal."""
    epoch: int
    first_lsn: Lsn
    last_lsn: Lsn
    """``first_lsn - 1`` when it holds no record."""
    bytes: int
    records: int


class _Part(msgspec.Struct, frozen=True):
    """Frames of one history: what becomes a log file of its own."""

    named_lsn: Lsn
    begins_history: bool
    offset: int
    end: int
    last_lsn: Lsn
    flags: int


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
    first = _first_of(source, from_lsn)
    if until_lsn is not None and until_lsn < first:
        raise InvalidRequest(f"until_lsn {until_lsn} is before the first record, {first}", code="bad_lsn")
    header = FileHeader(source.identity, first, source.epoch, flags=source.flags)
    return _write(files, path, header, _pieces(source, header, until_lsn))


def check_export(files: Files, path: str) -> LogExport:
    """Reads every record of an exported file; raises CorruptionError, UnsupportedVersion, StorageError."""
    return _checked(files, path)[0]


def _checked(files: Files, path: str) -> tuple[LogExport, list[_Part]]:
    """What an exported file holds, and its parts, at least one; raises as ``check_export``."""
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
    starts, records, before = [(header.first_lsn, False, FILE_HEADER_BYTES)], 0, Lsn(header.first_lsn - 1)
    for frame in walker:
        if frame.header.first_lsn != before + 1:
            starts.append((Lsn(before + 1), True, frame.offset))
        for _ in frame.records(unpacker):
            records += 1
        before = frame.header.last_lsn
    last = walker.last_lsn
    if (closing.identity, closing.first_lsn) != (header.identity, last + 1):
        raise CorruptionError(path, end, f"the file ends with record {last}, not as it was exported")
    return _described(header, last, size, records), _parts(starts, end, last, header.flags)


def _parts(starts: list[tuple[Lsn, bool, int]], end: int, last: Lsn, flags: int) -> list[_Part]:
    """The parts that begin so; nothing lies before a history that the file begins with."""
    following = [*starts[1:], (Lsn(last + 1), False, end)]
    parts = [
        _Part(named, begins, offset, next_offset, Lsn(next_named - 1), flags)
        for (named, begins, offset), (next_named, _, next_offset) in zip(starts, following, strict=True)
    ]
    return [part for part in parts if part.offset < part.end or len(parts) == 1]


def import_log(files: Files, path: str, into: str) -> LogExport:
    """Checks an exported file and makes it the log of a new store, or appends it to that of a stopped one.

    The records of each history become one log file, whatever their size, so that they are there as a whole or
    not at all. After a crash between two of them the same file can be imported again.
    Raises as ``enter``, CorruptionError, LogPruned when a new store would not begin with record 1, Conflict:
    ``not_empty`` when the folder holds no log but something else, ``another_store`` or ``lsn_mismatch``
    when the records do not go on where that log ends, NoSpace, StorageError. Only a file that holds the last
    record of that log shows that they do; one that begins behind it is taken by its epoch and numbers.
    """
    found, parts = _checked(files, path)
    folder = StoreLayout(into).collection().log
    if kind_of(files, into) in (FolderKind.STORE, FolderKind.BACKUP):
        with enter(files, into) as access:
            _append(access.files, path, found, parts, folder)
        return found
    with new_folder(files, into) as making:
        _check_new(found)
        making.make_dirs(folder)
        _take_all(making, path, found, parts, folder)
    return found


def _append(files: Files, path: str, found: LogExport, parts: list[_Part], folder: str) -> None:
    """Takes an export into the log of a store, which has one or is nothing but the place for one."""
    if log_files(files, folder):
        parts = _going_on(files, path, found, parts, folder)
    else:
        _check_bare(files, folder)
        _check_new(found)
    remove_unfinished(files, folder)
    _take_all(files, path, found, parts, folder)


def _first_of(source: LogSource, from_lsn: Lsn | None) -> Lsn:
    """The first LSN of the exported file; that of a history is the one after the record that it goes on from.

    Raises InvalidRequest ``bad_lsn`` for an LSN that the log jumps over.
    """
    if from_lsn is None:
        return source.first_lsn
    for jump in source.jumps:
        if from_lsn == jump.began_at:
            return Lsn(jump.branched_at + 1)
        if jump.branched_at + 1 < from_lsn < jump.began_at:
            reason = f"record {jump.branched_at} is followed by record {jump.began_at}"
            raise InvalidRequest(f"there is no record {from_lsn}: {reason}", code="bad_lsn")
    return from_lsn


def _pieces(source: LogSource, header: FileHeader, until_lsn: Lsn | None) -> Iterator[tuple[bytes, Lsn]]:
    """Frames ready to be written, each with its last record."""
    wanted = header.first_lsn
    for frame in source.frames(wanted):
        if until_lsn is not None and frame.header.first_lsn > until_lsn:
            raise InvalidRequest(f"until_lsn is {until_lsn}, which the log jumps over", code="bad_lsn")
        last = frame.header.last_lsn if until_lsn is None else min(frame.header.last_lsn, until_lsn)
        yield frame.part(header.identity, max(wanted, frame.header.first_lsn), last), last
        wanted = Lsn(last + 1)
        if last == until_lsn:
            return
    if until_lsn is not None:
        raise InvalidRequest(f"until_lsn is {until_lsn}; the log ends before it", code="bad_lsn")
    if wanted == header.first_lsn and wanted > source.first_lsn:
        raise InvalidRequest(f"from_lsn is {wanted}; the log ends before it", code="bad_lsn")


def _write(files: Files, path: str, header: FileHeader, pieces: Iterator[tuple[bytes, Lsn]]) -> LogExport:
    last, records = Lsn(header.first_lsn - 1), 0

    def contents() -> Iterator[bytes]:
        nonlocal last, records
        yield encode_file_header(header)
        for data, last_of_piece in pieces:
            yield data
            last, records = last_of_piece, records + decode_header(data).count
        yield encode_file_header(msgspec.structs.replace(header, first_lsn=Lsn(last + 1)))

    size = write_whole(files, path, contents())
    return _described(header, last, size, records)


def _described(header: FileHeader, last: Lsn, size: int, records: int) -> LogExport:
    return LogExport(
        identity=header.identity.hex(),
        epoch=header.epoch,
        first_lsn=header.first_lsn,
        last_lsn=last,
        bytes=size,
        records=records,
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


def _going_on(files: Files, path: str, found: LogExport, parts: list[_Part], folder: str) -> list[_Part]:
    """The parts that go on where the log ends, whose torn tail is cut then, as any start would.

    Raises Conflict when none does.
    """
    end = find_end(files, folder, None)
    assert end is not None
    left = [part for part in parts if part.named_lsn > end.last_lsn]
    is_next = bool(left) and left[0].begins_history and found.epoch > end.header.epoch
    is_alike = end.header.epoch == found.epoch or is_next
    if end.header.identity.hex() != found.identity or not is_alike:
        raise _of_another()
    if not left or left[0].named_lsn != end.last_lsn + 1:
        reason = f"the file begins with record {found.first_lsn}, the log ends with {end.last_lsn}"
        raise Conflict(reason, code="lsn_mismatch")
    if differs(files, folder, end.last_lsn, _frames_with(files, path, found, parts, end.last_lsn)):
        raise _of_another()
    if found.last_lsn >= found.first_lsn:
        cut_tail(files, end)
    return left


def _of_another() -> Conflict:
    return Conflict("the file is of another store, or of another history of this one", code="another_store")


def _frames_with(files: Files, path: str, found: LogExport, parts: list[_Part], lsn: Lsn) -> Iterator[Frame]:
    """Frames of the history that holds a record; none when the file does not."""
    for part in parts:
        if part.named_lsn <= lsn <= part.last_lsn:
            window = Window(files, path, part.end)
            before = Lsn(part.named_lsn - 1)
            yield from FrameWalker(window, bytes.fromhex(found.identity), before, offset=part.offset)


def _take_all(files: Files, path: str, found: LogExport, parts: list[_Part], folder: str) -> None:
    for part in parts:
        _take(files, path, found, part, f"{folder}/{file_name(part.named_lsn)}")


def _take(files: Files, path: str, found: LogExport, part: _Part, target: str) -> None:
    """Copies a part under a log file's name, with a header; an empty file of that name is replaced."""
    header = FileHeader(bytes.fromhex(found.identity), part.named_lsn, found.epoch, flags=part.flags)

    def contents() -> Iterator[bytes]:
        yield encode_file_header(header)
        yield from read_chunks(files, path, part.offset, part.end)

    write_whole(files, target, contents())
