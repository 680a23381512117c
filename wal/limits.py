"""Every bound of the product, by name, in one place.

Nothing here is a tuning default of one server (those are settings); these are the hard limits that
make memory, disk and time finite. Anything over a limit is refused with a typed error, never
truncated. They live in the lowest layer so that every layer above may use them.
"""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

# What a vector, an id and a payload may be (contract §1, §3).
ID_MAX = 2**64 - 1
DIM_MAX = 4000
PAYLOAD_BYTES_MAX = 65_536
PAYLOAD_DEPTH_MAX = 64

# What one request may carry (contract §2, §5).
BATCH_ITEMS_MAX = 10_000
BATCH_BODY_BYTES_MAX = 64 * MIB
BODY_BYTES_MAX = 1 * MIB
LIST_BODY_BYTES_MAX = 16 * MIB
BODIES_IN_FLIGHT_BYTES_MAX = 192 * MIB
BODY_BYTES_PER_S_MIN = 16 * KIB
BULK_BODY_BYTES_MAX = 64 * 1024 * MIB
BULK_ROWS_MAX = 100_000_000
K_MAX = 10_000
EF_SEARCH_MAX = 100_000
EF_SEARCH_DEFAULT = 128
SEARCHES_MAX = 1_000
SCROLL_LIMIT_MAX = 10_000
FETCH_IDS_MAX = 10_000
DELETE_IDS_MAX = 100_000
PATCH_IDS_MAX = 10_000
MATCHES_A_BATCH_MAX = 1_000
PATCHES_A_BATCH_MAX = 200

# What a filter may be (contract §4).
FILTER_BYTES_MAX = 8_192
FILTER_DEPTH_MAX = 16
FILTER_NODES_MAX = 1_024

# What may be asked of a payload field, and how many different values of one are counted.
FIELD_BYTES_MAX = 1_024
FACET_LIMIT_MAX = 1_000
FACET_VALUES_MAX = 100_000
FACET_TEXT_BYTES_MAX = 16 * MIB

# What a search may ask beyond k, and what the answers of one batch may hold together.
OFFSET_MAX = 10_000
SEARCH_BATCH_HITS_MAX = 200_000

# What the query layer keeps in RAM: bitmaps of filters, by part.
MASK_CACHE_BYTES = 16 * MIB

# The log.
FRAME_BODY_BYTES_MAX = 96 * MIB
LOG_FILE_BYTES_MAX = 64 * MIB
COMMIT_QUEUE_EVENTS_MAX = 4_096
COMMIT_QUEUE_BYTES_MAX = 32 * MIB
COMMIT_GROUP_BYTES_MAX = 8 * MIB
FOLLOWER_BUFFER_BYTES_MAX = 32 * MIB
CATCH_UP_BYTES_MAX = 8 * MIB
CURSOR_KEEP_BYTES_MAX = 256 * KIB
CURSORS_KEEP_BYTES_MAX = 32 * MIB

# Who follows the changes: how many at once, how much of them is answered at a time, how long a reader may
# take nothing before its feed ends.
TAGS_MAX = 64
FEEDS_MAX = 32
FEED_CHUNK_BYTES = 256 * KIB
FEED_SCAN_BYTES_MAX = 16 * MIB
FEED_STALL_S_MAX = 60.0
HEARTBEAT_S_DEFAULT = 15
HEARTBEAT_S_MAX = 60
CHANGES_LIMIT_MAX = 1_000_000_000

# What a client may do before there is a request to look at.
CONNECTIONS_MAX = 2_048
HEADERS_BYTES_MAX = 64 * KIB
HEADERS_S_MAX = 10.0

# How long a refused client may go on sending before its connection is cut.
LINGER_S_MAX = 5.0

# Waiting.
MIN_LSN_WAIT_S_MAX = 5.0
WRITE_ADMISSION_WAIT_S_MAX = 30.0
