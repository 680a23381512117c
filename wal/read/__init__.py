"""How is a log read, without changing a byte of it?"""

from asteroid_cloud.wal.read.cursor import LogCursor
from asteroid_cloud.wal.read.durable_reader import ReadableLog
from asteroid_cloud.wal.read.file_state import FileState, LogCheck
from asteroid_cloud.wal.read.frame_walker import Damage
from asteroid_cloud.wal.read.highest import highest_epoch, highest_lsn
from asteroid_cloud.wal.read.log_end import has_records_after
from asteroid_cloud.wal.read.log_folder import log_files
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.read.log_statistics import LogStatistics, statistics_of
from asteroid_cloud.wal.read.record_json import iso, record_line
from asteroid_cloud.wal.read.selection import KINDS, Selection, last_until, select

__all__ = [
    "KINDS",
    "Damage",
    "FileState",
    "LogCheck",
    "LogCursor",
    "LogReader",
    "LogStatistics",
    "ReadableLog",
    "Selection",
    "has_records_after",
    "highest_epoch",
    "highest_lsn",
    "iso",
    "last_until",
    "log_files",
    "record_line",
    "select",
    "statistics_of",
]
