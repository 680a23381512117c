"""Every error code: its HTTP status, what it means, and what the caller can do.

A code is stable: a client may branch on it. A new code gets its line here; ``STATUS_BY_CODE`` and the
reference page of errors follow from it.
"""

from __future__ import annotations

from typing import NamedTuple

from asteroid_cloud.wal.errors import (
    AsteroidError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthorized,
)


class ErrorCode(NamedTuple):
    """What is fixed about one error code."""

    status: int
    meaning: str
    action: str


_FIX = "Correct the request; the message names the field and its bounds."
_WAIT = "Try again after the time in Retry-After."
_OPERATOR = "Tell the operator; the server's log has the details."

ERROR_CODES: dict[str, ErrorCode] = {
    "bad_request": ErrorCode(400, "The request is not valid.", _FIX),
    "bad_json": ErrorCode(400, "The body is not valid JSON, or is nested too deeply.", "Send valid JSON."),
    "bad_encoding": ErrorCode(
        400, "The body is not what its `Content-Encoding` says, or ends too early.", "Encode it again."
    ),
    "bad_id": ErrorCode(400, "An id is not an integer from 0 to 2^64 - 1, or the text of one.", _FIX),
    "bad_vector": ErrorCode(400, "A vector is not a list, or base64, of finite float32 numbers.", _FIX),
    "wrong_dim": ErrorCode(
        400, "A vector has another dimension than the index.", "Send vectors of the index's dimension."
    ),
    "bad_dim": ErrorCode(400, "The dimension is missing or out of bounds.", _FIX),
    "bad_metric": ErrorCode(400, "The metric is not l2, cosine or ip.", _FIX),
    "bad_bits": ErrorCode(400, "The bits of a value are not 8 or 16.", _FIX),
    "bad_ids": ErrorCode(400, "The kind of ids of an index is neither `integer` nor `string`.", _FIX),
    "bad_payload": ErrorCode(
        400,
        "A payload is not a JSON object, or is too large or too deep.",
        "Make the payload smaller or simpler.",
    ),
    "bad_item": ErrorCode(
        400,
        "An item of a batch is not valid; nothing of the batch was written.",
        "Correct the item at `index`; `reason` has the code of its fault.",
    ),
    "bad_filter": ErrorCode(
        400,
        "A filter is not valid, or is over its limits.",
        "Correct the filter at the place that `at` names.",
    ),
    "bad_field": ErrorCode(400, "The path of a payload field is not valid.", _FIX),
    "bad_backup_name": ErrorCode(400, "A backup's name has characters that are not allowed.", _FIX),
    "bad_tag_name": ErrorCode(400, "A tag's name has characters that are not allowed.", _FIX),
    "bad_timeout_s": ErrorCode(400, "`timeout_s` is not a number of seconds within its bounds.", _FIX),
    "bad_since": ErrorCode(400, "`since` is not an LSN, or is newer than the newest record.", _FIX),
    "bad_follow": ErrorCode(400, "`follow` is not true or false.", _FIX),
    "bad_heartbeat": ErrorCode(400, "`heartbeat` is not a number of seconds within its bounds.", _FIX),
    "bad_if_match": ErrorCode(400, "`If-Match` or `If-None-Match` is not an LSN or *.", _FIX),
    "bad_on_existing": ErrorCode(400, '`on_existing` is not "replace", "skip" or "fail".', _FIX),
    "bad_unset": ErrorCode(400, "`unset` is not a list of paths.", _FIX),
    "bad_idempotency_key": ErrorCode(
        400, "`Idempotency-Key` is not 1 to 128 printable ASCII characters, or is there twice.", _FIX
    ),
    "bad_k": ErrorCode(400, "`k` is not an integer within its bounds.", _FIX),
    "bad_num": ErrorCode(400, "`num` is not an integer within its bounds.", _FIX),
    "bad_exact": ErrorCode(400, "`exact` is not true or false.", _FIX),
    "bad_explain": ErrorCode(400, "`explain` is not true or false.", _FIX),
    "bad_ef_search": ErrorCode(400, "`ef_search` is not an integer within its bounds.", _FIX),
    "bad_offset": ErrorCode(400, "`offset` is not an integer within its bounds.", _FIX),
    "bad_limit": ErrorCode(400, "`limit` is not an integer within its bounds.", _FIX),
    "bad_order": ErrorCode(400, "`order` is neither `count` nor `value`.", _FIX),
    "bad_order_by": ErrorCode(400, "`order_by` is no object with a `field` that is a path.", _FIX),
    "bad_contains": ErrorCode(400, "`contains` is no string within its bounds.", _FIX),
    "bad_cursor": ErrorCode(
        400, "A scroll's cursor is damaged, or belongs to another filter or order.", "Start the scroll again."
    ),
    "bad_max_distance": ErrorCode(400, "`max_distance` is not a finite number.", _FIX),
    "bad_min_lsn": ErrorCode(400, "`min_lsn` or `X-Asteroid-Min-LSN` is not an LSN.", _FIX),
    "bad_include": ErrorCode(
        400, "`include` names something other than payload and vector, and in a search score.", _FIX
    ),
    "bad_text": ErrorCode(
        400,
        "`text` is not an object as the API takes it, or names a field or a language that is not there.",
        _FIX,
    ),
    "bad_fusion": ErrorCode(400, "`fusion` is out of bounds, or lacks a vector or a text to fuse.", _FIX),
    "bad_min_score": ErrorCode(400, "`min_score` is not a finite number.", _FIX),
    "bad_recommend": ErrorCode(400, "`recommend` has no positive ids, or too many ids.", _FIX),
    "bad_group_by": ErrorCode(
        400, "`group_by` has no field that is a path, a size out of bounds, or stands beside diversity.", _FIX
    ),
    "bad_diversity": ErrorCode(
        400, "`diversity` has a number out of its bounds, or stands beside an offset.", _FIX
    ),
    "bad_fields": ErrorCode(400, "`fields` is not a list of paths within its bounds.", _FIX),
    "bad_vector_format": ErrorCode(400, "`vector_format` is neither json nor base64.", _FIX),
    "bad_collection_name": ErrorCode(
        400,
        "The name of a collection or alias is not right.",
        "Use 1 to 63 of the letters a to z, digits, dashes and underscores; begin with a letter or digit.",
    ),
    "bad_threads": ErrorCode(400, "The number of threads is not a whole number.", _FIX),
    "empty_batch": ErrorCode(400, "A batch has no items.", "Send at least one item."),
    "cancelled": ErrorCode(
        400, "The client went away before the read was done, so it was ended.", "Wait for the answer."
    ),
    "missing_field": ErrorCode(400, "A required field of the body is missing.", "Add the field."),
    "unknown_field": ErrorCode(
        400, "The body has a field, or the query a parameter, that is not known.", "Remove or rename it."
    ),
    "unauthorized": ErrorCode(
        401, "The key is missing or not known.", "Send `Authorization: Bearer <key>` with a valid key."
    ),
    "forbidden": ErrorCode(
        403,
        "The key's role is too small for this, or its collections do not include this one.",
        "Use another key; `GET /v1/key` says what this one may do.",
    ),
    "forbidden_origin": ErrorCode(
        403,
        "Without keys, the request names another machine, or comes from a web page of another site.",
        "Ask the server by a name of this machine such as `localhost`, or give it a key.",
    ),
    "not_found": ErrorCode(
        404, "There is no such vector, or no such route.", "Check the id, path and method."
    ),
    "no_collection": ErrorCode(404, "There is no collection of that name.", "Check the name."),
    "no_backup": ErrorCode(404, "There is no backup in that folder.", "Check the folder."),
    "no_tag": ErrorCode(404, "There is no tag of that name.", "List the tags."),
    "body_timeout": ErrorCode(408, "The body arrived too slowly.", "Send it faster, or in smaller requests."),
    "headers_timeout": ErrorCode(408, "The headers did not arrive in time.", "Send the headers at once."),
    "conflict": ErrorCode(
        409, "The state of the store does not allow the call now.", "Read the message; try again later."
    ),
    "index_not_initialized": ErrorCode(409, "There is no index yet.", "Create it with PUT /v1/index."),
    "index_already_initialized": ErrorCode(
        409, "There is an index already.", "Use it, or delete it first with all its data."
    ),
    "index_not_empty": ErrorCode(
        409, "A bulk load needs an empty index, and this one has vectors.", "Insert in batches instead."
    ),
    "id_exists": ErrorCode(
        409,
        "The id exists, and `on_existing` is `fail`; nothing is written.",
        "Leave it out, or say `replace` or `skip`; of a batch, `index` names the item.",
    ),
    "no_vector": ErrorCode(409, "The row to search with has no vector.", "Search with one that has."),
    "no_text_index": ErrorCode(409, "No field is indexed as text.", "Say which: `PUT /v1/text`."),
    "index_differs": ErrorCode(
        409, "The index has another dimension, metric or precision.", "Ask for the one that there is."
    ),
    "collection_differs": ErrorCode(
        409, "There is a collection of that name, and it is another.", "Ask for the one that there is."
    ),
    "alias_moved": ErrorCode(
        409,
        "The alias of an open change feed leads to another collection now, or to none.",
        "Read the collection that it leads to, and then follow it from there.",
    ),
    "name_taken": ErrorCode(
        409, "A collection or an alias has that name already.", "Choose another name, or free this one."
    ),
    "catalog_whole": ErrorCode(409, "The catalog of collections is not damaged.", "Leave it as it is."),
    "too_many_collections": ErrorCode(
        409,
        "The store has as many collections as it may have.",
        "Delete one, or raise `collections_max`.",
    ),
    "too_many_aliases": ErrorCode(
        409, "The store has as many aliases as it may have.", "Delete an alias first."
    ),
    "backup_not_configured": ErrorCode(
        409, "The server has no folder for backups.", "Start it with `--backup-dir`."
    ),
    "backup_running": ErrorCode(409, "Another backup is being made.", "Wait until it is finished."),
    "backup_exists": ErrorCode(409, "There is a backup of that name already.", "Choose another name."),
    "tag_exists": ErrorCode(409, "There is a tag of that name already.", "Choose another name."),
    "too_many_tags": ErrorCode(409, "The store has as many tags as it may have.", "Delete a tag first."),
    "purge_running": ErrorCode(409, "Another purge is running.", "Wait until it is finished."),
    "purge_blocked": ErrorCode(
        409, "A bulk load or a backup needs what a purge would remove.", "Try again when it is finished."
    ),
    "backup_of_another_store": ErrorCode(
        409, "The earlier backup is of another store.", "Name a backup of this store, or none."
    ),
    "not_empty": ErrorCode(409, "The folder to be written to is not empty.", "Name an empty or new folder."),
    "other_history": ErrorCode(
        409,
        "The position is of a history that the store left when it was taken back in time.",
        "Read again from record `branched_at` on, or all of it: `began_at` begins the present history.",
    ),
    "too_many_histories": ErrorCode(
        409, "The store has gone back in time as often as it can.", "Load its data into a new store."
    ),
    "request_interrupted": ErrorCode(
        409,
        "The server stopped in the middle of the request with this `Idempotency-Key`; a part may be done.",
        "Look what is done; the error counts it where it is known. What is missing needs a new key.",
    ),
    "answer_not_kept": ErrorCode(
        409,
        "The request with this `Idempotency-Key` was done; its answer was too long to be remembered.",
        "Read what the answer would have told.",
    ),
    "lsn_mismatch": ErrorCode(409, "Another write came first.", "Read again and decide again."),
    "fenced": ErrorCode(409, "A newer writer has taken over the log.", _OPERATOR),
    "changes_pruned": ErrorCode(
        410,
        "The log no longer holds the changes after `since`.",
        "Read all data again, and follow from there; keep the log for longer.",
    ),
    "precondition_failed": ErrorCode(
        412,
        "The id changed after the LSN of `If-Match` or `if_match`, does not exist, or exists already.",
        "Read again and decide again; of a batch, `index` names the item.",
    ),
    "payload_too_large": ErrorCode(
        413, "The body is larger than its limit.", "Send less; `limit` has the bound."
    ),
    "batch_too_large": ErrorCode(
        413, "A batch has too many items, ids or searches.", "Send smaller batches."
    ),
    "answer_too_large": ErrorCode(
        413,
        "The answer would be larger than an answer may be.",
        "Ask for less: the message names what to lower.",
    ),
    "too_many_fields": ErrorCode(
        413, "Payloads have more fields than can be listed.", "Ask for the fields that you know."
    ),
    "too_many_values": ErrorCode(
        413, "The field has more distinct values than can be counted.", "Count under a narrower filter."
    ),
    "unsupported_encoding": ErrorCode(
        415,
        "The `Content-Encoding` of the body is none that is understood.",
        "Send it as gzip or zstd, or plain.",
    ),
    "unsupported_media_type": ErrorCode(
        415,
        "Without keys, a write must say that its body is JSON or a bulk load: a web page of another site can "
        "send other types.",
        "Send `Content-Type: application/json`.",
    ),
    "idempotency_mismatch": ErrorCode(
        422, "The `Idempotency-Key` was used for another request.", "Make a new key for each request."
    ),
    "rate_limited": ErrorCode(429, "The key or address has sent too many requests.", _WAIT),
    "headers_too_large": ErrorCode(431, "The headers are larger than their limit.", "Send smaller headers."),
    "internal": ErrorCode(
        500, "The server has a bug.", "Report it with the `request_id`, under which the log has the details."
    ),
    "corruption": ErrorCode(500, "A file of the store is damaged.", _OPERATOR),
    "storage_error": ErrorCode(500, "The disk refused an operation.", _OPERATOR),
    "log_pruned": ErrorCode(500, "The log no longer reaches back as far as is needed.", _OPERATOR),
    "unsupported_version": ErrorCode(
        500, "A file was written by a newer version; it was not changed.", "Use that version, or a newer one."
    ),
    "degraded": ErrorCode(
        503, "The store has lost data and does not open in this recovery mode.", "Follow the `advice`."
    ),
    "lock_lost": ErrorCode(
        503,
        "The store's folder was moved or replaced while it was open; nothing more is written.",
        "Put the folder back, or restart the server.",
    ),
    "lock_held": ErrorCode(503, "Another process has the data directory open.", "Stop the other process."),
    "text_building": ErrorCode(
        503,
        "Not all that is stored is indexed as text yet; `indexed` of `rows` rows are.",
        "Try again after the time that Retry-After says.",
    ),
    "not_caught_up": ErrorCode(503, "Reads do not cover the LSN that was asked for yet.", _WAIT),
    "too_many_open": ErrorCode(503, "As many collections are in use as may be open at the same time.", _WAIT),
    "not_ready": ErrorCode(
        503,
        "Recovery is still running, or there is no index.",
        "Wait; `phase`, `progress` and `eta_s` tell more.",
    ),
    "overloaded": ErrorCode(503, "The server has too much to do.", _WAIT),
    "stopping": ErrorCode(
        503,
        "The server stopped before the request was done; what it writes may or may not be stored.",
        "Read before writing it again.",
    ),
    "too_costly": ErrorCode(
        503,
        "A read costs more, or takes longer, than one may.",
        "Ask for less: fewer predicates, a field that columns hold, fewer searches; `limit_s` has the bound.",
    ),
    "too_many_feeds": ErrorCode(
        503, "As many change feeds are open as may be.", "Close one, or try again later."
    ),
    "poisoned": ErrorCode(
        503,
        "An fsync failed, so no write is accepted; reads go on.",
        "Check the disk and restart the server.",
    ),
    "no_space": ErrorCode(
        507, "The disk is full; the write was undone.", "Free space; writes go on by themselves."
    ),
}
"""By code, in the order of the statuses."""

STATUS_BY_CODE = {code: each.status for code, each in ERROR_CODES.items()}

STATUS_BY_KIND: tuple[tuple[type[AsteroidError], int], ...] = (
    (InvalidRequest, 400),
    (Unauthorized, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (Overloaded, 503),
)
"""The status of a code that the table of codes does not have."""

LOCAL_CODES: dict[str, tuple[str, str]] = {
    "store_closed": ("The embedded store is closed, or was closed during the call.", "Open it again."),
    "other_process": (
        "The embedded store was opened by another process, of which this one is a fork.",
        "Open the store after the fork, in one process.",
    ),
    "other_loop": (
        "The embedded store was opened in another event loop.",
        "Use it where it was opened, or use `open_blocking`.",
    ),
    "bad_settings": ("A setting of the server is not valid.", "Correct the setting that the message names."),
    "bad_chunk": ("`chunk_size` of the embedded store is out of bounds.", "Choose one within the bounds."),
    "bad_file": ("A file to load does not hold rows of numbers.", "Give a .npy file, or one of raw float32."),
    "bad_point": ("The point to restore to does not exist, or several are given.", "Name one that exists."),
    "bad_lsn": ("The LSN is not in the log.", "`asteroid wal ls` shows which there are."),
    "another_store": ("The log or the file is of another store.", "Use the files of one store."),
    "nothing_to_undo": (
        "No earlier store is kept, so there is nothing to undo.",
        "Restore a backup instead.",
    ),
    "is_backup": (
        "The folder is a backup, which no command changes.",
        "Make a store of it with `asteroid restore BACKUP --into DIR`.",
    ),
    "incomplete": (
        "A command that was making the folder, a backup or a restore for example, was interrupted.",
        "Run the command again, or remove the folder.",
    ),
    "interrupted": (
        "A restore in place or a reindex was interrupted; what only reads the store does not finish it.",
        "Start the store, or run a command that changes it.",
    ),
    "key_exists": ("The file of keys has a key of that name.", "Choose another name, or revoke it first."),
    "no_key": ("The file of keys has no key of that name.", "`asteroid keys list` shows which there are."),
    "exists": ("The file to be written exists already.", "Name a new file."),
}
"""Meaning and action of codes that no request can cause, only a command or the embedded store's arguments."""


def status_of(error: AsteroidError) -> int:
    """The status of an error: that of its code, or of its kind when the code is not in the table."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return next((status for kind, status in STATUS_BY_KIND if isinstance(error, kind)), 500)
