"""The hard limits of the log, and of what a vector, an id and a payload may be.

A limit makes memory, disk or time finite; it is not a setting. What is over a limit is refused with a typed
error and never truncated. Each layer has its own ``limits``: these are the ones that all layers share.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

# What a vector, an id and a payload may be (contract §1, §3).
ID_MAX = 2**64 - 1
DIM_MAX = 4000
PAYLOAD_BYTES_MAX = 65_536
PAYLOAD_DEPTH_MAX = 64

# One frame, one file, one commit group, and what may wait to be committed.
FRAME_BODY_BYTES_MAX = 96 * MIB
LOG_FILE_BYTES_MAX = 64 * MIB
COMMIT_QUEUE_EVENTS_MAX = 4_096
COMMIT_QUEUE_BYTES_MAX = 32 * MIB
COMMIT_GROUP_BYTES_MAX = 8 * MIB

# What readers of the log keep in memory.
FOLLOWER_BUFFER_BYTES_MAX = 32 * MIB
CATCH_UP_BYTES_MAX = 8 * MIB
CURSOR_KEEP_BYTES_MAX = 256 * KIB
CURSORS_KEEP_BYTES_MAX = 32 * MIB
