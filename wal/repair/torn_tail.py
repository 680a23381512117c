"""Recovery of the log: where it ends, and what is cut off there.

One frame at a time is written and synced before the next, so a crash can leave one torn frame, at the
very end, and nothing of it was acknowledged: it is cut, kept aside as evidence and reported. Damage with
a whole frame behind it is no crash's doing: it is refused.
"""

from __future__ import annotations

import msgspec

from asteroid_cloud.wal.disk.atomic_write import folder_of, remove_unfinished, write_whole
from asteroid_cloud.wal.disk.contents import cut_file, read_chunks
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FileHeader,
    log_files,
    next_frame,
    read_file_header,
    read_frames,
)
from asteroid_cloud.wal.lsn import Lsn


class RecoveryReport(msgspec.Struct, frozen=True):
    """What recovery found: records held, and what was cut off the end, if anything."""

    first_lsn: Lsn
    durable_lsn: Lsn
    bytes_cut: int = 0
    path: str = ""
    offset: int = 0
    reason: str = ""


class LogEnd(msgspec.Struct, frozen=True):
    """A checked log: its files in order, and where to go on writing."""

    header: FileHeader
    """Of the newest file."""
    files: list[tuple[Lsn, str]]
    end: int
    """Bytes of the newest file that count."""
    report: RecoveryReport


def find_end(files: Files, folder: str, identity: bytes | None) -> LogEnd | None:
    """Checks the chain of files and every frame of the newest; changes nothing.

    None when there is no log yet. Raises CorruptionError for damage that no crash explains, for a foreign
    file when ``identity`` is given, and UnsupportedVersion.
    """
    found = log_files(files, folder)
    if not found:
        return None
    header = _check_chain(files, found, identity)
    path = found[-1][1]
    last, end, reason = _scan(files, path, header)
    report = RecoveryReport(found[0][0], last, files.size(path) - end, path, end, reason)
    return LogEnd(header, found, end, report)


def _scan(files: Files, path: str, header: FileHeader) -> tuple[Lsn, int, str]:
    """The last record of the newest file, where it ends, and what is wrong with the rest, if anything."""
    last, end = Lsn(header.first_lsn - 1), FILE_HEADER_BYTES
    frames = read_frames(files, path, header.identity, files.size(path))
    while True:
        try:
            frame = next(frames, None)
        except CorruptionError as error:
            if next_frame(files, path, header.identity, end + 1, last) is not None:
                raise
            return last, end, error.reason
        if frame is None:
            return last, end, ""
        if frame.header.first_lsn != last + 1:
            raise CorruptionError(path, frame.offset, _gap(frame.header.first_lsn, last))
        last, end = frame.header.last_lsn, frame.end


def refuse_torn(end: LogEnd) -> None:
    """Raises CorruptionError, which says what would be cut, when the log ends in a torn write."""
    told = end.report
    if told.bytes_cut:
        reason = f"{told.bytes_cut} bytes would be cut, which no caller was told of: {told.reason}"
        raise CorruptionError(told.path, told.offset, reason)


def cut_tail(files: Files, end: LogEnd) -> None:
    """Removes what ``end.report`` says is torn, after a copy of it is safe beside the log."""
    report = end.report
    if not report.bytes_cut:
        return
    remove_unfinished(files, folder_of(report.path))
    torn = read_chunks(files, report.path, report.offset, report.offset + report.bytes_cut)
    write_whole(files, evidence_path(report), torn)
    cut_file(files, report.path, report.offset)


def evidence_path(report: RecoveryReport) -> str:
    """Where the bytes that a report says are cut are kept."""
    return f"{report.path}.{report.offset}.broken"


def _check_chain(files: Files, found: list[tuple[Lsn, str]], identity: bytes | None) -> FileHeader:
    header: FileHeader | None = None
    for first_lsn, path in found:
        header = read_file_header(files, path)
        if header.first_lsn != first_lsn:
            raise CorruptionError(path, 0, "the file's name and header disagree")
        identity = identity or header.identity
        if header.identity != identity:
            raise CorruptionError(path, 0, "the file belongs to another store")
    assert header is not None
    return header


def _gap(first: Lsn, last: Lsn) -> str:
    return f"record {first} follows record {last}"
