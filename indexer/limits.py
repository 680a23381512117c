"""The hard limits of one index: its batches, its tags, its feeds, and how long a writer waits."""

from __future__ import annotations

from asteroid_cloud.wal.limits import KIB, MIB

BATCH_ITEMS_MAX = 10_000
"""Vectors in a batch."""
CHANGED_PAYLOADS_BYTES_MAX = 64 * MIB
"""Payloads that the patches and sets of one write change, before or after."""
MATCHED_ROWS_MAX = 10_000
"""Rows that the filters of one mixed write may match."""
TAGS_MAX = 64
"""Tags of one store."""
MANIFEST_BYTES_MAX = 256 * MIB
"""A manifest; a larger file of that name is not read."""
TAG_BYTES_MAX = MANIFEST_BYTES_MAX + MIB
"""A tag, which holds a manifest; a larger file is not read."""

KEYS_LIMIT = 1_000_000
"""Requests that a store can be set to remember by their keys, 72 bytes each."""
ANSWERS_BYTES_MAX = 8 * MIB
"""Answers of remembered requests that do not follow from their records; beyond it the oldest requests go."""
ANSWER_KEPT_BYTES_MAX = 4 * KIB
"""One such answer; of a longer one it is remembered that it was given."""

FEEDS_MAX = 32
"""Change feeds that are open at the same time, of all collections."""
FEED_THREADS_MAX = 2
"""Threads that read logs for all change feeds together."""
LOG_THREADS_MAX = 16
"""Logs that write and sync at the same time, of all collections; each is in a thread."""
APPLY_THREADS_MAX = 8
"""Collections that apply records at the same time; each is in a thread."""
FEED_CHUNK_BYTES = 256 * KIB
"""A piece of a large record in a change feed, about."""
FEED_SCAN_BYTES_MAX = 16 * MIB
"""The part of the log that one step of a change feed reads."""

BULK_LOADS_MAX = 4
"""Bulk loads that are open at the same time, of all collections; others wait."""
WRITE_ADMISSION_WAIT_S_MAX = 30.0
"""Time that a write waits for room in memory, or a bulk load for another one to end."""

CATALOG_BYTES_MAX = 64 * MIB
"""The file of collections and aliases; a larger one is not read."""
COLLECTIONS_LIMIT = 100_000
"""Collections that a store can be set to have at most, beside `default`."""
ALIASES_MAX = 10_000
"""Aliases of one store."""
