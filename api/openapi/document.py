"""The OpenAPI document: every call of the API in plain data, as ``GET /openapi.json`` sends it."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from inspect import getdoc

import msgspec
from litestar.handlers import HTTPRouteHandler

from asteroid_cloud.api.limits import MATCHES_A_BATCH_MAX, PATCHES_A_BATCH_MAX
from asteroid_cloud.api.openapi.examples import EXAMPLES
from asteroid_cloud.api.openapi.filter_help import FILTER_HELP
from asteroid_cloud.api.openapi.operations import CALLS, operation
from asteroid_cloud.api.openapi.schemas import Schema, components
from asteroid_cloud.api.routes import backup as routes_backup
from asteroid_cloud.api.routes import bulk as routes_bulk
from asteroid_cloud.api.routes import changes as routes_changes
from asteroid_cloud.api.routes import fields as routes_fields
from asteroid_cloud.api.routes import health
from asteroid_cloud.api.routes import history as routes_history
from asteroid_cloud.api.routes import index as routes_index
from asteroid_cloud.api.routes import search as routes_search
from asteroid_cloud.api.routes import vectors as routes_vectors
from asteroid_cloud.api.routes.table import route_handlers
from asteroid_cloud.query.limits import FACET_TEXT_BYTES_MAX, FACET_VALUES_MAX

ABOUT = """\
Vectors and JSON payloads in; nearest neighbours with filters out.

- Bodies are JSON, a bulk load's apart. A field that is not declared is refused (`unknown_field`).
- Every error, from wherever it comes, is `{"error": "<one clear sentence>", "code": "<snake_case>"}`.
  An unknown route or method is 404 `not_found`. Errors to be tried again later carry `Retry-After`.
- Ids are unsigned 64-bit integers, as JSON integers or decimal text; answers carry integers.
- `If-Match: "<lsn>"` on the write of one id refuses it with 412 `precondition_failed` if the id changed
  after that record, the one that was read (`ETag`) or last written. A change is never missed; one may be
  suspected where there was none: seldom while few ids have changed since, and as a rule when the LSN is
  from before a restart. Read again, then, and decide again.
- The answer to a write comes when it is durable, and names its LSN. A read sees every write that was
  answered before; `min_lsn`, or the header `X-Asteroid-Min-LSN`, also makes it wait for a given one.
"""
TAGS = {
    "index": ("The one index of a server: its dimension, its metric, its figures.", routes_index),
    "vectors": ("Write, read and delete vectors and their payloads.", routes_vectors),
    "search": ("Find the nearest, with filters; count.", routes_search),
    "fields": ("What a payload field holds in all vectors that match a filter.", routes_fields),
    "bulk": ("Build a whole index at once.", routes_bulk),
    "changes": ("Follow what is written, as it becomes durable.", routes_changes),
    "history": ("Tags, which are states to go back to, and erasure, which leaves none.", routes_history),
    "backup": ("Keep copies of the store, made while it serves.", routes_backup),
    "operations": ("What load balancers and scrapers ask.", health),
}
TAG_BY_MODULE = {module.__name__: name for name, (_, module) in TAGS.items()}
FIELD_HELP = (
    "`field` is a path through objects, `a.b` for `b` in `a`. Of an array, each distinct element counts "
    "once a vector; objects, and arrays within arrays, are no values, but the vector has the field. {}"
)
BY_FILTER = (
    f"What matches at the beginning is deleted {MATCHES_A_BATCH_MAX:,} at a time, or patched "
    f"{PATCHES_A_BATCH_MAX} at a time at most; each of these batches is logged whole or not at all, while "
    "other writes go on between them. A vector that was deleted or changed meanwhile, and does not match at "
    "the moment when its batch is done, is left as it is; so is one that begins to match. An error halfway "
    "says how many are done (`deleted`, `patched`); sent again, it does the rest."
)
MORE = {
    "tag": "A tag keeps the segments of this moment, which costs room only as merges replace them. With the "
    "server stopped, `asteroid restore` takes the store back to it, whatever became of the log.",
    "purge": "Segments with dead rows are rewritten, the log is trimmed, and tags and what recoveries put "
    "aside are removed, while everything else goes on; the answer comes when it is done. Backups are not "
    "reached, nor are files in the store's folder that are not the store's, which the answer names.",
    "changes": "A record of many ids comes in pieces of about 256 KiB, all with its `lsn`, and all but the "
    "last with `more`; those of a bulk load come when it counts, vectors and payloads apart. Without "
    "`follow` the feed ends with a line of kind `end`; one that ends otherwise was cut off. With "
    "`Accept: text/event-stream` each line is a server-sent event. A feed holds nothing back: "
    "when the log has been trimmed past it, it is told `changes_pruned`, before its first line with 410, "
    "later in a last line; so keep the log for as long as a reader may stay away (`--log-retention-bytes`, "
    "`--log-retention-age`). After a store was taken back in time its LSNs name other records: begin anew.",
    "search": FILTER_HELP,
    "search_batch": "Each search has the fields of `POST /v1/search`, which also explains filters.",
    "facets": FIELD_HELP.format(
        "`distinct` counts all values, those not listed too. More than "
        f"{FACET_VALUES_MAX:,} distinct values, or {FACET_TEXT_BYTES_MAX:,} bytes of them, are refused with "
        "`too_many_values`, never cut short: narrow the filter."
    ),
    "field_range": FIELD_HELP.format(
        "`numbers` and `strings` (by code point) are null where there are none; their "
        "`rows` says how many vectors have any."
    ),
    "delete_many": f"Give one of the two, `ids` or `filter`; `POST /v1/search` explains filters. {BY_FILTER} "
    "`POST /v1/count` says beforehand how many match. A list of ids is deleted all at once.",
    "merge_many": f"Give one of the two, `ids` or `filter`; `POST /v1/search` explains filters. {BY_FILTER} "
    "The same goes for a list of ids; those that do not exist are passed over. A payload that would become "
    "too large is refused with `bad_payload` and its `id`, and nothing of its batch is changed.",
    "bulk_build": "Only into an empty index. The headers may also begin with "
    f"{' or '.join(f'`{prefix}`' for prefix in routes_bulk.PREFIXES[1:])}.",
    "ready": "`degraded` when rows or records had to be given up: see `/v1/recovery`. When the store did not "
    "open: the `file`, the `offset`, the `reason` and `advice`. "
    "Needs no key if the server's setting `public` names it.",
    "metrics": "Needs no key if the server's setting `public` names it.",
}
"""What a call's description says beyond its handler's docstring, by operation."""


@cache
def encoded() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document())


def document() -> Schema:
    """The document as plain data."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Asteroid Cloud",
            "version": version("asteroid-cloud"),
            "description": ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, (text, _) in TAGS.items()],
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "schemas": components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def described_handlers() -> list[HTTPRouteHandler]:
    """The handlers that the document describes, in its order."""
    return [*route_handlers(), health.health, health.ready, health.metrics]


def _paths() -> dict[str, Schema]:
    paths: dict[str, Schema] = {}
    for handler in described_handlers():
        (template,), (method,) = handler.paths, handler.http_methods
        path, verb = re.sub(r"\{(\w+):str\}", r"{\1}", template), method.lower()
        call = CALLS[verb, path]
        told = operation(call, path)
        if examples := EXAMPLES.get((verb, path)):
            (content,) = told["requestBody"]["content"].values()
            content["examples"] = {
                f"example{number}": {"summary": summary, "value": value}
                for number, (summary, value) in enumerate(examples.items(), 1)
            }
        text = (getdoc(handler.fn) or "").replace("``", "`")
        paths.setdefault(path, {})[verb] = {
            "tags": [TAG_BY_MODULE[handler.fn.__module__]],
            "summary": handler.summary,
            "description": "\n\n".join(filter(None, [text, MORE.get(call.name)])),
            **told,
        }
    return paths
