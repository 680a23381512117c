"""What each call takes, answers and refuses, for the API's description of itself."""

from __future__ import annotations

from dataclasses import dataclass

from asteroid_cloud.api.limits import BULK_ROWS_MAX, CHANGES_LIMIT_MAX, HEARTBEAT_S_DEFAULT, HEARTBEAT_S_MAX
from asteroid_cloud.api.openapi.schemas import Schema, integer, ref
from asteroid_cloud.api.routes.responses import LSN_HEADER, MIN_LSN_HEADER
from asteroid_cloud.api.wire.error_codes import STATUS_BY_CODE
from asteroid_cloud.api.wire.media_types import BYTES, EVENTS, JSON, LINES, TEXT
from asteroid_cloud.wal.limits import DIM_MAX

EVERY = ("bad_request", "unauthorized", "rate_limited", "internal", "overloaded")
BODY = ("bad_json", "unknown_field", "missing_field", "body_timeout", "payload_too_large")
DATA = ("index_not_initialized", "not_ready")
READ = (*DATA, "bad_min_lsn", "not_caught_up")
WRITE = (*DATA, "poisoned", "storage_error", "no_space")
VECTOR = (*BODY, "bad_vector", "wrong_dim")
SEARCH = (
    *READ,
    *VECTOR,
    *("bad_id", "bad_k", "bad_ef_search", "bad_filter", "bad_include", "bad_exact", "bad_offset"),
    *("bad_max_distance", "bad_explain", "not_found"),
)
ONE = ("bad_id", "not_found")
IF = ("bad_if_match", "precondition_failed")
RETRY: dict[str, Schema] = {"Retry-After": {"type": "integer", "minimum": 1}}
HEADERS_BY_STATUS = {401: {"WWW-Authenticate": {"type": "string"}}, 429: RETRY, 503: RETRY}
METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the schemas of its body and answer by name, its success status, what may go wrong."""

    name: str
    answer: str = ""
    codes: tuple[str, ...] = ()
    body: str = ""
    status: int = 200
    needs_key: bool = True

    @property
    def is_of_data(self) -> bool:
        """Whether it reads or writes the log's state, so that its answers name an LSN."""
        return "not_ready" in self.codes and self.name != "ready"


CALLS: dict[tuple[str, str], Call] = {
    ("get", "/health"): Call("health", "Status", needs_key=False),
    ("get", "/ready"): Call("ready", "Status", ("not_ready", "poisoned")),
    ("get", "/metrics"): Call("metrics"),
    ("put", "/v1/index"): Call(
        "create_index",
        "IndexCreated",
        (*WRITE[1:], *BODY, "bad_dim", "bad_metric", "bad_bits", "index_already_initialized"),
        "IndexBody",
    ),
    ("get", "/v1/index"): Call("get_index", "Index", READ[1:]),
    ("delete", "/v1/index"): Call("delete_index", "IndexDeleted", WRITE[1:]),
    ("get", "/v1/stats"): Call("stats", "Stats", READ[1:]),
    ("get", "/v1/recovery"): Call("recovery", "Recovery", READ[1:2]),
    ("post", "/v1/vectors"): Call(
        "insert", "Written", (*WRITE, *VECTOR, *IF, "bad_id", "bad_payload"), "InsertBody", 201
    ),
    ("get", "/v1/vectors/{id}"): Call("get", "Row", (*READ, *ONE)),
    ("put", "/v1/vectors/{id}"): Call(
        "upsert", "Written", (*WRITE, *VECTOR, *IF, "bad_id", "bad_payload"), "VectorBody"
    ),
    ("delete", "/v1/vectors/{id}"): Call("delete", "", (*WRITE, *IF, "bad_id"), status=204),
    ("get", "/v1/vectors/{id}/payload"): Call("get_payload", "Payload", (*READ, *ONE)),
    ("put", "/v1/vectors/{id}/payload"): Call(
        "set_payload", "Written", (*WRITE, *BODY[3:], *ONE, *IF, "bad_payload"), "Payload"
    ),
    ("patch", "/v1/vectors/{id}/payload"): Call(
        "merge_payload", "Written", (*WRITE, *BODY[3:], *ONE, *IF, "bad_payload"), "Payload"
    ),
    ("post", "/v1/vectors/batch"): Call(
        "insert_batch",
        "Inserted",
        (*WRITE, *BODY, "bad_item", "empty_batch", "batch_too_large"),
        "BatchBody",
        201,
    ),
    ("post", "/v1/vectors/fetch"): Call(
        "fetch", "Rows", (*READ, *BODY, "bad_id", "bad_include", "batch_too_large"), "FetchBody"
    ),
    ("post", "/v1/vectors/delete"): Call(
        "delete_many", "Deleted", (*WRITE, *BODY, "bad_id", "bad_filter", "batch_too_large"), "DeleteBody"
    ),
    ("post", "/v1/vectors/patch"): Call(
        "merge_many",
        "Patched",
        (*WRITE, *BODY, "bad_id", "bad_filter", "bad_payload", "batch_too_large"),
        "PatchBody",
    ),
    ("post", "/v1/vectors/scroll"): Call(
        "scroll",
        "Page",
        (*READ, *BODY, "bad_filter", "bad_limit", "bad_cursor", "bad_include"),
        "ScrollBody",
    ),
    ("post", "/v1/search"): Call("search", "Hits", SEARCH, "SearchBody"),
    ("post", "/v1/search/batch"): Call(
        "search_batch", "HitsOfMany", (*SEARCH, "batch_too_large"), "SearchBatchBody"
    ),
    ("post", "/v1/count"): Call("count", "Counted", (*READ, *BODY, "bad_filter"), "CountBody"),
    ("post", "/v1/facets"): Call(
        "facets",
        "Facets",
        (*READ, *BODY, "bad_field", "bad_filter", "bad_limit", "too_many_values"),
        "FacetsBody",
    ),
    ("post", "/v1/backup"): Call(
        "backup",
        "BackupReport",
        (
            *(*READ[1:], *BODY, "bad_backup_name", "backup_not_configured", "backup_running"),
            *("backup_exists", "no_space", "storage_error"),
        ),
        "BackupBody",
        201,
    ),
    ("get", "/v1/backup"): Call("backups", "Backups", (*READ[1:], "backup_not_configured")),
    ("post", "/v1/tags"): Call(
        "tag",
        "TagInfo",
        (*WRITE, *BODY, "bad_tag_name", "tag_exists", "too_many_tags"),
        "TagBody",
        201,
    ),
    ("get", "/v1/tags"): Call("tags", "Tags", READ[1:2]),
    ("delete", "/v1/tags/{name}"): Call("untag", "", (*WRITE[1:], "bad_tag_name", "no_tag"), status=204),
    ("post", "/v1/purge"): Call(
        "purge", "PurgeReport", (*WRITE[1:], *BODY[:2], *BODY[3:], "purge_running", "purge_blocked")
    ),
    ("get", "/v1/changes"): Call(
        "changes",
        "Change",
        (
            *("not_ready", "bad_since", "bad_include", "bad_limit", "bad_follow", "bad_heartbeat"),
            *("unknown_field", "changes_pruned", "too_many_feeds"),
        ),
    ),
    ("post", "/v1/range"): Call(
        "field_range", "FieldRange", (*READ, *BODY, "bad_field", "bad_filter"), "RangeBody"
    ),
    ("post", "/v1/build/bulk"): Call(
        "bulk_build",
        "BulkReport",
        (
            *(*WRITE, *BODY[3:], "bad_payload", "bad_vector", "bad_dim", "wrong_dim"),
            *("bad_threads", "index_not_empty", "conflict"),
        ),
    ),
}
BULK_HEADERS = {
    "X-Asteroid-N": ("How many vectors come.", integer(1, BULK_ROWS_MAX)),
    "X-Asteroid-Dim": ("Their dimension.", integer(1, DIM_MAX)),
    "X-Asteroid-Threads": ("How many threads build; all processors without it or for 0.", integer(0)),
}


IF_HEADERS = {
    "If-Match": 'Only if the id did not change after this LSN, like "42"; * for only if it exists.',
    "If-None-Match": "* for only if the id does not exist.",
}
CHANGES_PARAMETERS = {
    "since": ("Changes after this LSN; 0 for all.", ref("Lsn")),
    "include": (
        "What a change carries beside its ids, with a comma between.",
        {"type": "string", "enum": ["payload", "vector", "payload,vector"]},
    ),
    "limit": ("End after so many changes.", integer(1, CHANGES_LIMIT_MAX)),
    "follow": (
        "Go on with what is written later, without end; else end after what is durable now.",
        {"type": "boolean", "default": False},
    ),
    "heartbeat": (
        "Seconds of silence after which a line says that there is nothing new.",
        integer(1, HEARTBEAT_S_MAX, default=HEARTBEAT_S_DEFAULT),
    ),
}


def operation(call: Call, path: str) -> Schema:
    """One call as OpenAPI has it, without the words about it."""
    told: Schema = {"operationId": call.name, "responses": _responses(call)}
    if parameters := _parameters(call, path):
        told["parameters"] = parameters
    if request := _request(call):
        told["requestBody"] = request
    if not call.needs_key:
        told["security"] = []
    return told


def _parameters(call: Call, path: str) -> list[Schema]:
    named = [{"name": "id", "in": "path", "required": True, "schema": ref("IdIn")}] if "{id}" in path else []
    if "{name}" in path:
        named.append({"name": "name", "in": "path", "required": True, "schema": {"type": "string"}})
    if "bad_min_lsn" in call.codes:
        about = "Wait until reads cover this LSN."
        named.append({"name": MIN_LSN_HEADER, "in": "header", "description": about, "schema": ref("Lsn")})
    if "bad_if_match" in call.codes:
        for name, about in IF_HEADERS.items():
            named.append({"name": name, "in": "header", "description": about, "schema": {"type": "string"}})
    if call.name == "changes":
        for name, (about, schema) in CHANGES_PARAMETERS.items():
            named.append({"name": name, "in": "query", "description": about, "schema": schema})
        about = "What a browser sends to resume server-sent events; it counts in place of `since`."
        named.append({"name": "Last-Event-ID", "in": "header", "description": about, "schema": ref("Lsn")})
    if call.name == "bulk_build":
        for name, (about, schema) in BULK_HEADERS.items():
            header = {"name": name, "in": "header", "description": about, "schema": schema}
            named.append(header | {"required": schema["minimum"] > 0})
    return named


def _request(call: Call) -> Schema | None:
    if call.name == "bulk_build":
        about = "Raw little-endian float32 rows, then maybe a JSON array of one object or null for each."
        return {"description": about, "required": True, "content": {BYTES: {}}}
    if not call.body:
        return None
    return {"required": call.name != "count", "content": {JSON: {"schema": ref(call.body)}}}


def _responses(call: Call) -> dict[str, Schema]:
    success: Schema = {"description": "Done."}
    if call.name == "metrics":
        success["content"] = {TEXT: {"schema": {"type": "string"}}}
    elif call.name == "changes":
        success["content"] = {kind: {"schema": ref(call.answer)} for kind in (LINES, EVENTS)}
    elif call.answer:
        success["content"] = {JSON: {"schema": ref(call.answer)}}
    if call.is_of_data:
        success["headers"] = {LSN_HEADER: {"schema": ref("Lsn")}}
    codes: dict[int, list[str]] = {}
    for code in dict.fromkeys((*EVERY, *call.codes) if call.needs_key else ("bad_request",)):
        codes.setdefault(STATUS_BY_CODE[code], []).append(code)
    errors = {
        str(status): {
            "description": f"The code is one of: {', '.join(names)}.",
            "content": {JSON: {"schema": ref("ErrorAnswer")}},
            "headers": {
                name: {"schema": schema} for name, schema in HEADERS_BY_STATUS.get(status, {}).items()
            },
        }
        for status, names in sorted(codes.items())
    }
    return {str(call.status): success} | errors
