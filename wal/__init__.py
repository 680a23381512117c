"""The log: every change is one record with a log sequence number, durable before it is acknowledged.

    disk        the file layer: files, locks, whole new files, the layout of a data directory
    format      the bytes of events, frames and file headers
    histories   where a store went back in time, and what was abandoned by that
    read        walking, following and checking a log without changing it
    repair      torn tails, and damage that no crash explains
    append      group commit, the writer, followers, the open log
    transfer    copies, exports and imports

It knows nothing of what the events mean to an index.
"""

from asteroid_cloud.wal.append.local_log import LocalLog
from asteroid_cloud.wal.append.log import Log
from asteroid_cloud.wal.disk.files import AppendFile, FileLock, Files
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.disk.lock import lock_directory
from asteroid_cloud.wal.format.events import Event
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.histories import FIRST_HISTORY, Branch, Histories
from asteroid_cloud.wal.lsn import LSN_MAX, Lsn
from asteroid_cloud.wal.repair.torn_tail import RecoveryReport

__all__ = [
    "FIRST_HISTORY",
    "LSN_MAX",
    "AppendFile",
    "Branch",
    "Event",
    "FileLock",
    "Files",
    "Histories",
    "LocalFiles",
    "LocalLog",
    "Log",
    "Lsn",
    "Record",
    "RecoveryReport",
    "lock_directory",
]
