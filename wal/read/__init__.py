"""How is a log read, by whoever only looks?"""

from asteroid_cloud.wal.read.cursor import LogCursor
from asteroid_cloud.wal.read.inspector import Damage, FileState, LogInspector, missing_between
from asteroid_cloud.wal.read.log_statistics import LogStatistics, statistics_of
from asteroid_cloud.wal.read.render import record_line
from asteroid_cloud.wal.read.selection import KINDS, Selection, select

__all__ = [
    "KINDS",
    "Damage",
    "FileState",
    "LogCursor",
    "LogInspector",
    "LogStatistics",
    "Selection",
    "missing_between",
    "record_line",
    "select",
    "statistics_of",
]
