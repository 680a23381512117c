"""The hard limits of requests, connections and change feeds over HTTP (contract §2)."""

from __future__ import annotations

from asteroid_cloud.wal.limits import KIB, MIB

# Bodies: the size of each kind, of all under way together, and how slowly one may arrive.
BODY_BYTES_MAX = 1 * MIB
LIST_BODY_BYTES_MAX = 16 * MIB
BATCH_BODY_BYTES_MAX = 64 * MIB
BULK_BODY_BYTES_MAX = 64 * 1024 * MIB
BODIES_IN_FLIGHT_BYTES_MAX = 192 * MIB
BODY_BYTES_PER_S_MIN = 16 * KIB

# What one request may name.
BULK_ROWS_MAX = 100_000_000
FETCH_IDS_MAX = 10_000
DELETE_IDS_MAX = 100_000
PATCH_IDS_MAX = 10_000

# A write by filter is logged in batches of this many rows.
MATCHES_A_BATCH_MAX = 1_000
PATCHES_A_BATCH_MAX = 200

# Change feeds: how long a reader may take nothing, how often an idle feed sends a heartbeat, how much to ask.
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

# How long a read waits for the record that it names.
MIN_LSN_WAIT_S_MAX = 5.0
