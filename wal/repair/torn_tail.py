"""Recovery of the log: the torn write at its end is kept as evidence, cut off and reported."""

from __future__ import annotations

import msgspec

from asteroid_cloud.wal.disk.atomic_write import folder_of, remove_unfinished, write_whole
from asteroid_cloud.wal.disk.contents import cut_file, read_chunks
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_end import LogEnd


class RecoveryReport(msgspec.Struct, frozen=True):
    """What recovery found: the records held, and what it cut off the end, if anything."""

    first_lsn: Lsn
    durable_lsn: Lsn
    bytes_cut: int = 0
    path: str = ""
    offset: int = 0
    reason: str = ""


def report_of(end: LogEnd) -> RecoveryReport:
    """The report on a log that ends so."""
    path, offset = end.newest.path, end.newest.end
    reason = end.torn.reason if end.torn else ""
    return RecoveryReport(end.first_lsn, end.last_lsn, end.torn_bytes, path, offset, reason)


def refuse_torn(end: LogEnd) -> None:
    """Raises CorruptionError, which says what would be cut, when the log ends in a torn write."""
    if end.torn is not None:
        reason = f"an unacknowledged write of {end.torn_bytes} bytes would be cut: {end.torn.reason}"
        raise CorruptionError(end.torn.path, end.torn.offset, reason)


def cut_tail(files: Files, end: LogEnd) -> None:
    """Removes the torn tail, after a copy of it is safe beside the log."""
    if end.torn is None:
        return
    path, offset = end.torn.path, end.torn.offset
    remove_unfinished(files, folder_of(path))
    torn = read_chunks(files, path, offset, offset + end.torn_bytes)
    write_whole(files, evidence_path(report_of(end)), torn)
    cut_file(files, path, offset)


def evidence_path(report: RecoveryReport) -> str:
    """Where the bytes are kept that a report says are cut."""
    return f"{report.path}.{report.offset}.broken"
