"""The hard limits of the log, and of what a vector, an id and a payload may be.

A limit makes memory, disk or time finite; it is not a setting. What is over a limit is refused with a typed
error and never truncated. Each layer has its own ``limits``: these are the ones that all layers share.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

ID_BYTES_MAX = 512
"""UTF-8 bytes of an id that is a string."""
ID_MAX = 2**64 - 1
"""The greatest id."""
DIM_MAX = 4000
"""Numbers in a vector."""
PAYLOAD_BYTES_DEFAULT = 64 * KIB
"""A payload as JSON, unless the setting `payload_bytes_max` says otherwise."""
PAYLOAD_BYTES_MIN = 1 * KIB
"""The least that `payload_bytes_max` can be."""
PAYLOAD_BYTES_MAX = 1 * MIB
"""The most that `payload_bytes_max` can be."""
PAYLOAD_DEPTH_MAX = 64
"""Levels of nesting in a payload."""

FRAME_BODY_BYTES_MAX = 96 * MIB
"""The body of one frame of the log."""
LOG_FILE_BYTES_MAX = 64 * MIB
"""One file of the log, unless a single frame is larger."""
COMMIT_QUEUE_EVENTS_MAX = 4_096
"""Writes that wait to be committed."""
COMMIT_QUEUE_BYTES_MAX = 32 * MIB
"""The size of all writes that wait to be committed."""
COMMIT_GROUP_BYTES_MAX = 8 * MIB
"""Writes that are committed together, in one frame."""

FOLLOWER_BUFFER_BYTES_MAX = 32 * MIB
"""Records that wait in memory to be applied to the index."""
CATCH_UP_BYTES_MAX = 8 * MIB
"""Records that are read from the log at a time to catch up."""
CURSOR_KEEP_BYTES_MAX = 256 * KIB
"""What one reader of the log keeps in memory."""
CURSORS_KEEP_BYTES_MAX = 32 * MIB
"""What all readers of the log keep in memory together."""
