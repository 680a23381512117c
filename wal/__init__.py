"""The log: every change is one record with a log sequence number, durable before it is acknowledged.

Owns records, frames, files, group commit, recovery and the file layer. Knows nothing of what the
events mean to an index.
"""

from asteroid_cloud.wal.events import Event
from asteroid_cloud.wal.files import AppendFile, FileLock, Files, LocalFiles
from asteroid_cloud.wal.local import LocalLog
from asteroid_cloud.wal.lock import lock_directory
from asteroid_cloud.wal.log import Log, Record
from asteroid_cloud.wal.recover import RecoveryReport
from asteroid_cloud.wal.types import Lsn

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
