"""The hard limits of requests, connections and change feeds over HTTP."""

from __future__ import annotations

from asteroid_cloud.wal.limits import KIB, MIB

BODY_BYTES_MAX = 2 * MIB
"""The body of most requests."""
LIST_BODY_BYTES_MAX = 16 * MIB
"""A body with a list of ids, or with searches: fetch, delete many, a search, a batch of searches."""
BATCH_BODY_BYTES_MAX = 64 * MIB
"""The body of a batch of vectors."""
BULK_BODY_BYTES_MAX = 64 * 1024 * MIB
"""The body of a bulk load."""
BODIES_IN_FLIGHT_BYTES_MAX = 192 * MIB
"""All bodies together that requests hold in memory at the same time."""
BODY_BYTES_PER_S_MIN = 16 * KIB
"""The rate that a body must not fall behind for longer than `body_timeout_s`."""

ANSWER_BYTES_MAX = 64 * MIB
"""An answer, the lines of a change feed apart; pages of a scroll end before."""
PAGE_BYTES_MAX = 32 * MIB
"""A page of a scroll: the next rows come with its cursor."""
ANSWER_PIECE_BYTES = 256 * KIB
"""A piece of an answer that is handed to the connection at a time."""
ANSWER_BYTES_PER_S_MIN = 64 * KIB
"""The rate that the reader of an answer must not fall behind for longer than `answer_stall_s`."""

BULK_ROWS_MAX = 100_000_000
"""Vectors in a bulk load."""
FETCH_IDS_MAX = 10_000
"""Ids in a fetch."""
DELETE_IDS_MAX = 100_000
"""Ids in a delete of many."""
PATCH_IDS_MAX = 10_000
"""Ids in a merge into many payloads."""

MATCHES_A_BATCH_MAX = 1_000
"""Rows that a delete by filter logs together."""
PATCHES_A_BATCH_MAX = 200
"""Rows that a merge by filter logs together."""

FEED_STALL_S_MAX = 60.0
"""Time that the reader of a change feed may take nothing before its connection is cut."""
HEARTBEAT_S_DEFAULT = 15
"""Silence of a change feed after which a heartbeat is sent, unless the reader asks for another time."""
HEARTBEAT_S_MAX = 60
"""The longest heartbeat that a reader can ask for."""
CHANGES_LIMIT_MAX = 1_000_000_000
"""Changes that one request for a feed can ask for."""

STOPPING_BODY_S_MAX = 1.0
"""Time that a body may fall behind once the server is stopping."""
EXIT_S_MAX = 5.0
"""Time after `drain_s` in which a stopping server closes its store, before its process ends anyway."""

KEY_CHARACTERS_MIN = 16
"""Characters of a key, at least: shorter ones can be guessed."""
KEYS_FILE_BYTES_MAX = 1 * MIB
"""The file of keys."""
KEYS_RELOAD_S = 2.0
"""Time after which a changed file of keys is in force, besides what it takes to read it."""
CONFIG_FILE_BYTES_MAX = 1 * MIB
"""The file of settings."""
CONNECTIONS_MAX = 2_048
"""Connections at the same time; fewer when the process may open fewer files."""
HEADERS_BYTES_MAX = 64 * KIB
"""The headers of a request."""
HEADERS_MAX = 200
"""The headers of a request, by number."""
HEADERS_S_MAX = 10.0
"""Time that the headers of a request may take."""
IDLE_S_MAX = 75.0
"""Time that a connection may stay open without a request, whatever else is sent."""
PIPELINED_MAX = 8
"""Requests that may wait on one connection behind the one that is answered."""
FRAMING_BYTES_MAX = 64 * KIB
"""Sizes, extensions and trailers of a body in chunks, beyond as many bytes as the body has."""
UNREAD_BYTES_MAX = 64 * KIB
"""The rest of a body that is read and thrown away after an answer, so that the connection can go on."""
UNREAD_S_MAX = 5.0
"""Time that this rest may take."""
LINGER_S_MAX = 5.0
"""Time that a refused client may go on sending before its connection is cut."""

FLUSH_WAIT_S_MAX = 3_600.0
"""Time that a caller may have a flush waited for."""
MIN_LSN_WAIT_S_MAX = 5.0
"""Time that a read waits for the record that `min_lsn` names."""

RECALL_TIME_SHARE_MAX = 0.02
"""Share of any minute in which one processor repeats sampled searches exactly, of all collections."""
RECALL_WAITING_MAX = 2
"""Sampled searches that wait to be repeated, each with the snapshot that it read."""

COLLECTIONS_OPEN_MAX = 100
"""Collections beside `default` that are open at the same time."""
COLLECTIONS_OPENING_MAX = 4
"""Collections that are opened at the same time."""
COLLECTION_OPEN_WAIT_S_MAX = 30.0
"""Time that a call waits for its collection to be opened."""
COLLECTION_DRAIN_S_MAX = 10.0
"""Time that calls in a collection that is deleted have to end before its files go."""
COLLECTION_LABELS_MAX = 100
"""Open collections that metrics tell apart, `default` and then by name; all others are `_other`, as one."""
