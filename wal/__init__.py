"""The log: every change is one record with a log sequence number, durable before it is acknowledged.

Owns records, frames, files, group commit, recovery and the file layer. Knows nothing of what the
events mean to an index.
"""

from asteroid_cloud.wal.append.local_log import LocalLog
from asteroid_cloud.wal.append.log import Log
from asteroid_cloud.wal.disk.files import AppendFile, FileLock, Files
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.disk.lock import lock_directory
from asteroid_cloud.wal.format.events import Event
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.repair.torn_tail import RecoveryReport

__all__ = [
    "AppendFile",
    "Event",
    "FileLock",
    "Files",
    "LocalFiles",
    "LocalLog",
    "Log",
    "Lsn",
    "Record",
    "RecoveryReport",
    "lock_directory",
]
