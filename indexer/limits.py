"""The hard limits of one index: its batches, its tags, its feeds, and how long a writer waits."""

from __future__ import annotations

from asteroid_cloud.wal.limits import KIB, MIB

BATCH_ITEMS_MAX = 10_000
TAGS_MAX = 64

# Change feeds: how many at once, how much of one is answered at a time, how much of the log one step reads.
FEEDS_MAX = 32
FEED_CHUNK_BYTES = 256 * KIB
FEED_SCAN_BYTES_MAX = 16 * MIB

# How long a write waits for room in memory.
WRITE_ADMISSION_WAIT_S_MAX = 30.0
