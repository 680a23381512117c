"""How does a record become durable, and who hears of it?"""

from asteroid_cloud.wal.append.follower import next_group
from asteroid_cloud.wal.append.local_log import LocalLog, LogBuffers
from asteroid_cloud.wal.append.log import NOTHING, Log, Retention, Unchanged

__all__ = [
    "NOTHING",
    "LocalLog",
    "Log",
    "LogBuffers",
    "Retention",
    "Unchanged",
    "next_group",
]
