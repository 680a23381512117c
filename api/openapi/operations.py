"""What each operation of the API takes, answers and refuses; where it is, the table of routes says."""

from __future__ import annotations

from dataclasses import dataclass

EVERY = (
    "bad_request",
    "unauthorized",
    "forbidden",
    "forbidden_origin",
    "rate_limited",
    "internal",
    "overloaded",
)
NAMED = ("bad_collection_name", "no_collection")
"""Of whatever names a collection in its path."""
BODY = (
    "bad_json",
    "unknown_field",
    "missing_field",
    "body_timeout",
    "payload_too_large",
    "bad_encoding",
    "unsupported_encoding",
    "unsupported_media_type",
)
DATA = ("index_not_initialized", "not_ready")
READ = (*DATA, "bad_min_lsn", "other_history", "not_caught_up")
WRITE = (*DATA, "poisoned", "storage_error", "no_space")
VECTOR = (*BODY, "bad_vector", "wrong_dim")
COLUMNS = ("bad_include", "bad_fields", "bad_vector_format")
LONG = (*READ, "too_costly")
"""A read that may take long."""
SEARCH = (
    "answer_too_large",
    *LONG,
    *VECTOR,
    *("bad_id", "bad_k", "bad_ef_search", "bad_filter", "bad_include", "bad_exact", "bad_offset"),
    *("bad_max_distance", "bad_min_score", "bad_fields", "bad_vector_format", "bad_explain", "not_found"),
    *("bad_recommend", "bad_group_by", "bad_diversity"),
    *("batch_too_large", "bad_text", "bad_fusion", "no_text_index", "text_building"),
)
ONE = ("bad_id", "not_found")
KEYED = ("bad_idempotency_key", "idempotency_mismatch", "request_interrupted", "answer_not_kept")
IF = ("bad_if_match", "other_history", "precondition_failed")
EXISTING = ("bad_on_existing", "id_exists")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, described: the schemas of its body and answer by name, and what may go wrong."""

    tag: str
    summary: str
    answer: str = ""
    codes: tuple[str, ...] = ()
    """Of the errors that it may answer besides those of every operation."""
    body: str = ""


OPERATIONS: dict[str, Operation] = {
    "health": Operation("operations", "Is the process alive? Needs no key.", "Status"),
    "ready": Operation(
        "operations", "Is recovery over, and is there an index?", "Status", ("not_ready", "poisoned")
    ),
    "key": Operation("operations", "What the caller may do", "Key"),
    "metrics": Operation("operations", "Figures in the Prometheus text format."),
    "create_index": Operation(
        "index",
        "Create the index",
        "IndexCreated",
        (*WRITE[1:], *BODY, "bad_dim", "bad_metric", "bad_bits", "index_already_initialized"),
        "IndexBody",
    ),
    "get_index": Operation("index", "The index's dimension, metric and precision", "Index", READ[1:]),
    "delete_index": Operation("index", "Delete the index and all its data", "IndexDeleted", WRITE[1:]),
    "collections": Operation("collections", "The collections there are", "Collections"),
    "get_collection": Operation("collections", "What a collection is", "Definition", NAMED[1:]),
    "create_collection": Operation(
        "collections",
        "Make a collection",
        "Definition",
        (
            *(*WRITE[1:], *BODY, "bad_collection_name", "bad_dim", "bad_metric", "bad_bits", "bad_ids"),
            *("bad_vector", "collection_differs", "name_taken", "too_many_collections"),
        ),
        "CollectionBody",
    ),
    "delete_collection": Operation(
        "collections",
        "Delete a collection",
        "CollectionDeleted",
        (*WRITE[1:], "bad_collection_name", "name_taken"),
    ),
    "aliases": Operation("collections", "The aliases there are", "Aliases"),
    "get_alias": Operation("collections", "Where an alias leads", "Alias", NAMED[1:]),
    "set_alias": Operation(
        "collections",
        "Let an alias lead to a collection",
        "Alias",
        ("storage_error", "no_space", "poisoned", *BODY, *NAMED, "name_taken", "too_many_aliases"),
        "AliasBody",
    ),
    "delete_alias": Operation(
        "collections",
        "Remove an alias",
        "AliasDeleted",
        ("storage_error", "no_space", "poisoned", "bad_collection_name"),
    ),
    "stats": Operation("index", "Figures of this moment", "Stats", READ[1:]),
    "get_text": Operation("text", "Which fields are indexed", "TextInfo", (*READ, "no_text_index")),
    "set_text": Operation(
        "text", "Index fields as text", "TextSet", (*WRITE[1:], *DATA, *BODY, "bad_text"), "TextBody"
    ),
    "delete_text": Operation("text", "Index no text any more", "TextDeleted", (*WRITE[1:], *DATA)),
    "flush": Operation(
        "index",
        "Seal what is in memory",
        "Flushed",
        (*WRITE[1:], *BODY[:2], *BODY[3:], "bad_timeout_s", "not_caught_up"),
        "FlushBody",
    ),
    "recovery": Operation("index", "What the server found when it opened the store", "Recovery", READ[1:2]),
    "insert": Operation(
        "vectors",
        "Insert a vector",
        "Stored",
        (*WRITE, *VECTOR, *IF, *EXISTING, "bad_id", "bad_payload"),
        "InsertBody",
    ),
    "get": Operation("vectors", "A stored vector", "Row", (*READ, *ONE, "bad_vector_format")),
    "upsert": Operation(
        "vectors",
        "Insert or replace a vector",
        "Stored",
        (*WRITE, *VECTOR, *IF, *EXISTING, "bad_id", "bad_payload"),
        "VectorBody",
    ),
    "delete": Operation("vectors", "Delete a vector and its payload", "", (*WRITE, *IF, "bad_id")),
    "get_payload": Operation("vectors", "A vector's payload", "Payload", (*READ, *ONE)),
    "set_payload": Operation(
        "vectors", "Replace a payload", "Written", (*WRITE, *BODY[3:], *ONE, *IF, "bad_payload"), "Payload"
    ),
    "merge_payload": Operation(
        "vectors", "Merge into a payload", "Written", (*WRITE, *BODY[3:], *ONE, *IF, "bad_payload"), "Payload"
    ),
    "insert_batch": Operation(
        "vectors",
        "Insert many vectors",
        "Inserted",
        (*WRITE, *BODY, *IF, *EXISTING, "bad_item", "empty_batch", "batch_too_large"),
        "BatchBody",
    ),
    "fetch": Operation(
        "vectors",
        "Get many vectors",
        "Rows",
        (*LONG, *BODY, "bad_id", *COLUMNS, "batch_too_large", "answer_too_large"),
        "FetchBody",
    ),
    "delete_many": Operation(
        "vectors",
        "Delete many",
        "Deleted",
        (*WRITE, *BODY, "bad_id", "bad_filter", "batch_too_large", "too_costly"),
        "DeleteBody",
    ),
    "set": Operation(
        "vectors",
        "Set fields of many payloads",
        "SetCount",
        (
            *WRITE,
            *BODY,
            "bad_id",
            "bad_filter",
            "bad_payload",
            "bad_unset",
            "batch_too_large",
            "too_costly",
        ),
        "SetBody",
    ),
    "write": Operation(
        "vectors",
        "Change many rows at once",
        "Changed",
        (
            *WRITE,
            *BODY,
            *IF,
            *EXISTING,
            "bad_item",
            "bad_payload",
            "empty_batch",
            "batch_too_large",
            "too_costly",
            "not_found",
        ),
        "WriteBody",
    ),
    "merge_many": Operation(
        "vectors",
        "Merge into many payloads",
        "Patched",
        (*WRITE, *BODY, "bad_id", "bad_filter", "bad_payload", "batch_too_large", "too_costly"),
        "PatchBody",
    ),
    "scroll": Operation(
        "vectors",
        "Walk by id, or by a field",
        "Page",
        (*LONG, *BODY, "bad_filter", "bad_limit", "bad_cursor", "bad_order_by", *COLUMNS),
        "ScrollBody",
    ),
    "search": Operation("search", "Nearest neighbours", "Hits", SEARCH, "SearchBody"),
    "search_batch": Operation(
        "search",
        "Many searches",
        "HitsOfMany",
        SEARCH,
        "SearchBatchBody",
    ),
    "recall": Operation(
        "search",
        "How true the neighbours are",
        "Recall",
        (*LONG, *BODY, "bad_num", "bad_k", "bad_ef_search", "bad_filter"),
        "RecallBody",
    ),
    "count": Operation("search", "How many match", "Counted", (*LONG, *BODY, "bad_filter"), "CountBody"),
    "facets": Operation(
        "fields",
        "The commonest values",
        "Facets",
        (
            *(*LONG, *BODY, "bad_field", "bad_filter", "bad_limit", "bad_offset", "bad_order"),
            *("bad_contains", "too_many_values", "answer_too_large"),
        ),
        "FacetsBody",
    ),
    "fields": Operation("fields", "The fields there are", "Fields", (*LONG, "too_many_fields")),
    "backup": Operation(
        "backup",
        "Make a backup",
        "BackupReport",
        (
            *(*READ[1:], *BODY, "bad_backup_name", "backup_not_configured", "backup_running"),
            *("backup_exists", "no_space", "storage_error"),
        ),
        "BackupBody",
    ),
    "backups": Operation("backup", "The finished backups", "Backups", (*READ[1:], "backup_not_configured")),
    "tag": Operation(
        "history",
        "Tag the present state",
        "TagInfo",
        (*WRITE, *BODY, "bad_tag_name", "tag_exists", "too_many_tags"),
        "TagBody",
    ),
    "tags": Operation("history", "The tags", "Tags", READ[1:2]),
    "untag": Operation("history", "Forget a tag", "", (*WRITE[1:], "bad_tag_name", "no_tag")),
    "purge": Operation(
        "history",
        "Erase what was deleted",
        "PurgeReport",
        (*WRITE[1:], *BODY[:2], *BODY[3:], "purge_running", "purge_blocked"),
    ),
    "changes": Operation(
        "changes",
        "Follow what is written",
        "Change",
        (
            *("not_ready", "bad_since", "bad_include", "bad_limit", "bad_follow", "bad_heartbeat"),
            *("bad_vector_format", "unknown_field", "other_history", "changes_pruned", "too_many_feeds"),
        ),
    ),
    "field_range": Operation(
        "fields",
        "The least and the greatest",
        "FieldRange",
        (*LONG, *BODY, "bad_field", "bad_filter"),
        "RangeBody",
    ),
    "bulk_build": Operation(
        "bulk",
        "Build the whole index at once",
        "BulkReport",
        (
            *(*WRITE, *BODY[3:], "bad_payload", "bad_vector", "bad_dim", "wrong_dim"),
            *("bad_threads", "index_not_empty", "conflict"),
        ),
    ),
}
"""By the name that the table of routes has for each; it is also the ``operationId``."""
