"""The file of a log that begins a new history: its header, and one frame of one record that says so.

Pure encoding; nothing here touches a file.
"""

from __future__ import annotations

import zlib

from asteroid_cloud.wal.format.events import HistoryBegun, encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FileHeader, encode_file_header
from asteroid_cloud.wal.histories import Branch
from asteroid_cloud.wal.lsn import Lsn

EPOCH_SHIFT = 32
"""The upper half of an epoch counts; the lower one tells apart stores that were restored from one store."""


def history_start(
    identity: bytes, branch: Branch, epoch: int, clock_ms: int, after_ms: int, flags: int
) -> bytes:
    """The contents of the file, which lies behind record ``branch.branched_at``; its name is that one plus 1.

    ``clock_ms`` is what the clock says, ``after_ms`` the time of the record before; ``flags`` are those of
    the file before.
    """
    header = encode_file_header(FileHeader(identity, Lsn(branch.branched_at + 1), epoch, flags=flags))
    encoded = encode_event(HistoryBegun(branch.branched_at, branch.store))
    time_ms = max(clock_ms, after_ms)
    clock = clock_ms if clock_ms < time_ms else None
    return header + encode_frame(identity, branch.began_at, time_ms, [encoded], clock_ms=clock)


def epoch_after(epoch: int, store: bytes) -> int:
    """The epoch of a history that the store of this name begins after one of ``epoch``."""
    return ((epoch >> EPOCH_SHIFT) + 1 << EPOCH_SHIFT) + zlib.crc32(store)
