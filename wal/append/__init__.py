"""How does a record become durable, and who hears of it?

From the outside to the disk:

    log            the protocol ``Log``: what the layers above may rely on
    local_log      ``LocalLog``, the one log there is: it opens a folder and puts the rest together
    appender       from ``append`` to the answer, in one event loop
      group_commit   all who wait share one frame, one write and one fsync
      acceptance     which of them are written: their conditions hold (``last_changes`` knows)
    writer         the files, on a thread: append, fsync, rotate, trim, fence
      sequencer      the LSNs and the time, given out before anything is written
      retention      which old files a trim may take
      sync_times     how long syncs take
    follower       who reads new records as they come
"""

from asteroid_cloud.wal.append.follower import next_group
from asteroid_cloud.wal.append.local_log import LocalLog, LogBuffers
from asteroid_cloud.wal.append.log import NOTHING, Log, Retention, Unchanged
from asteroid_cloud.wal.append.sync_times import SLOW_SYNC_S, LogSyncs

__all__ = [
    "NOTHING",
    "SLOW_SYNC_S",
    "LocalLog",
    "Log",
    "LogBuffers",
    "LogSyncs",
    "Retention",
    "Unchanged",
    "next_group",
]
