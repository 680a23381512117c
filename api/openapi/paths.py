"""Routes and operations as OpenAPI's path items."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import getdoc

from asteroid_cloud.api.limits import BULK_ROWS_MAX, CHANGES_LIMIT_MAX, HEARTBEAT_S_DEFAULT, HEARTBEAT_S_MAX
from asteroid_cloud.api.openapi.descriptions import MORE
from asteroid_cloud.api.openapi.examples import EXAMPLES
from asteroid_cloud.api.openapi.operations import EVERY, KEYED, NAMED, OPERATIONS, Operation
from asteroid_cloud.api.openapi.schema_words import Schema, integer, ref
from asteroid_cloud.api.routes.once.again import AGAIN
from asteroid_cloud.api.routing.route import Route
from asteroid_cloud.api.wire.error_codes import STATUS_BY_CODE
from asteroid_cloud.api.wire.headers import COLLECTION_HEADER, LSN_HEADER, MIN_LSN_HEADER, STORE_HEADER
from asteroid_cloud.api.wire.media_types import BYTES, EVENTS, JSON, LINES, TEXT
from asteroid_cloud.api.wire.request_keys import KEY_CHARS_MAX, KEY_HEADER
from asteroid_cloud.wal.limits import DIM_MAX

PATH_PARAMETERS: dict[str, Schema] = {
    "collection": ref("CollectionName"),
    "alias": ref("CollectionName"),
    "id": ref("IdIn"),
    "name": {"type": "string"},
}
RETRY: dict[str, Schema] = {"Retry-After": {"type": "integer", "minimum": 1}}
HEADERS_BY_STATUS = {401: {"WWW-Authenticate": {"type": "string"}}, 429: RETRY, 503: RETRY}
BULK_HEADERS = {
    "X-Asteroid-N": ("How many vectors come.", integer(1, BULK_ROWS_MAX)),
    "X-Asteroid-Dim": ("Their dimension.", integer(1, DIM_MAX)),
    "X-Asteroid-Threads": ("How many threads build; all processors without it or for 0.", integer(0)),
}
IF_HEADERS = {
    "If-Match": 'Only if the id did not change after this LSN, like "42"; * for only if it exists.',
    "If-None-Match": "* for only if the id does not exist.",
}
KEY_ABOUT = "A key of the client's own: the same request with the same key is done once, and answered again."
CHANGES_PARAMETERS = {
    "since": ("Changes after this LSN; 0 for all.", ref("Lsn")),
    "include": (
        "What a change carries beside its ids, with a comma between.",
        {"type": "string", "enum": ["payload", "vector", "payload,vector"]},
    ),
    "vector_format": ("How vectors are written.", {"type": "string", "enum": ["json", "base64"]}),
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


def path_items(routes: Sequence[Route]) -> dict[str, Schema]:
    """The routes by path and method, each with its operation."""
    items: dict[str, Schema] = {}
    for route in routes:
        items.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return items


def _operation(route: Route) -> Schema:
    operation = OPERATIONS[route.operation]
    described: Schema = {
        "tags": [operation.tag],
        "summary": operation.summary + (" of a collection" if route.is_named else ""),
        "description": _description(route),
        "operationId": route.operation + ("_in" if route.is_named else ""),
        "responses": _responses(route, operation),
    }
    if parameters := _parameters(route, operation):
        described["parameters"] = parameters
    if request := _request(route, operation):
        described["requestBody"] = request
    if not _needs_key(route):
        described["security"] = []
    return described


def _description(route: Route) -> str:
    if route.is_named:
        return f"As `{route.method} {route.inner_path}`, of the collection that the path names."
    text = (getdoc(route.handler) or "").replace("``", "`")
    return "\n\n".join(filter(None, [text, MORE.get(route.operation)]))


def _needs_key(route: Route) -> bool:
    return route.scope != "open"


def _names_an_lsn(route: Route, operation: Operation) -> bool:
    """Whether it reads or writes the state that the log makes, so that its answers have an LSN."""
    return ("not_ready" in operation.codes and route.reach == "collection") or route.reach == "default"


def _parameters(route: Route, operation: Operation) -> list[Schema]:
    named: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]}
        for name in route.parameters
    ]
    if "bad_min_lsn" in operation.codes:
        about = "Wait until reads cover this LSN."
        named.append({"name": MIN_LSN_HEADER, "in": "header", "description": about, "schema": ref("Lsn")})
    if "bad_if_match" in operation.codes:
        for name, about in IF_HEADERS.items():
            named.append({"name": name, "in": "header", "description": about, "schema": {"type": "string"}})
    if route.operation in AGAIN:
        schema: Schema = {"type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX}
        named.append({"name": KEY_HEADER, "in": "header", "description": KEY_ABOUT, "schema": schema})
    if route.operation == "get":
        about = "How the vector is written."
        schema = {"type": "string", "enum": ["json", "base64"], "default": "json"}
        named.append({"name": "vector_format", "in": "query", "description": about, "schema": schema})
    if route.operation == "changes":
        for name, (about, schema) in CHANGES_PARAMETERS.items():
            named.append({"name": name, "in": "query", "description": about, "schema": schema})
        about = "What a browser sends to resume server-sent events; it counts in place of `since`."
        named.append({"name": "Last-Event-ID", "in": "header", "description": about, "schema": ref("Lsn")})
    if route.operation == "bulk_build":
        for name, (about, schema) in BULK_HEADERS.items():
            header = {"name": name, "in": "header", "description": about, "schema": schema}
            named.append(header | {"required": schema["minimum"] > 0})
    return named


def _request(route: Route, operation: Operation) -> Schema | None:
    if route.operation == "bulk_build":
        about = "Raw little-endian float32 rows, then maybe a JSON array of one object or null for each."
        return {"description": about, "required": True, "content": {BYTES: {}}}
    if not operation.body:
        return None
    content: Schema = {"schema": ref(operation.body)}
    if examples := EXAMPLES.get(route.operation):
        content["examples"] = {
            f"example{number}": {"summary": summary, "value": value}
            for number, (summary, value) in enumerate(examples.items(), 1)
        }
    return {"required": route.operation not in ("count", "recall"), "content": {JSON: content}}


def _responses(route: Route, operation: Operation) -> dict[str, Schema]:
    success: Schema = {"description": "Done."}
    if route.operation == "metrics":
        success["content"] = {TEXT: {"schema": {"type": "string"}}}
    elif route.operation == "changes":
        success["content"] = {kind: {"schema": ref(operation.answer)} for kind in (LINES, EVENTS)}
    elif operation.answer:
        success["content"] = {JSON: {"schema": ref(operation.answer)}}
    if _names_an_lsn(route, operation):
        about = "Names the store. It changes when the store is restored into a new folder."
        store = {"description": about, "schema": {"type": "string"}}
        success["headers"] = {LSN_HEADER: {"schema": ref("Lsn")}, STORE_HEADER: store}
    if route.is_named:
        led = {"description": "Where the alias in the path led.", "schema": {"type": "string"}}
        success.setdefault("headers", {})[COLLECTION_HEADER] = led
    possible: tuple[str, ...] = ("bad_request",)
    if _needs_key(route):
        of_named = NAMED if route.is_named else ()
        possible = (*EVERY, *of_named, *operation.codes, *(KEYED if route.operation in AGAIN else ()))
    codes: dict[int, list[str]] = {}
    for code in dict.fromkeys(possible):
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
    return {str(route.status): success} | errors
