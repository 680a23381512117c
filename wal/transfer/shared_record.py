"""Whether an exported file and a log hold the same record where the log ends.

Numbers alone do not tell: two stores that were made from one may have written, or begun a history, each for
itself, and may have given out the same LSN for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import LogPruned
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import Frame
from asteroid_cloud.wal.read.log_reader import LogReader


def differs(files: Files, folder: str, last_lsn: Lsn, exported: Iterable[Frame]) -> bool:
    """Whether the log in ``folder``, which ends with ``last_lsn``, has there another record than is exported.

    False when one of both does not hold it any more. Raises CorruptionError, UnsupportedVersion.
    """
    there = _record(exported, last_lsn)
    if there is None:
        return False
    try:
        here = _record(LogReader(files, folder).frames(last_lsn), last_lsn)
    except LogPruned:
        return False
    return here is not None and here != there


def _record(frames: Iterable[Frame], lsn: Lsn) -> Record | None:
    for frame in frames:
        if frame.header.first_lsn <= lsn <= frame.header.last_lsn:
            return next(record for record in frame.records() if record.lsn == lsn)
    return None
