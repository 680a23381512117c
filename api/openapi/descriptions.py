"""The words of the API's description that belong to no single place in the code."""

from __future__ import annotations

from asteroid_cloud.api.limits import MATCHES_A_BATCH_MAX, PATCHES_A_BATCH_MAX
from asteroid_cloud.api.openapi.filter_help import FILTER_HELP
from asteroid_cloud.api.wire.headers import BULK_HEADER_PREFIXES
from asteroid_cloud.query.limits import FACET_TEXT_BYTES_MAX, FACET_VALUES_MAX, FIELDS_LISTED_MAX

ABOUT = """\
Vectors and JSON payloads in; nearest neighbours with filters out.

- Bodies are JSON, a bulk load's apart. A field that is not declared is refused (`unknown_field`).
- A body may be sent as gzip or zstd (`Content-Encoding`); its bound is that of the plain body.
- `HEAD` answers wherever `GET` does, without a body. Every answer carries `X-Request-ID`, the one that the
  request had or a new one; the server's log has it too.
- Every error, from wherever it comes, is `{"error": "<one clear sentence>", "code": "<snake_case>"}`.
  An unknown route or method is 404 `not_found`. Errors to be tried again later carry `Retry-After`.
- A server holds many collections. Paths without a name speak of the collection `default`, which needs no
  setup; all of them but `PUT` and `DELETE /v1/index` stand once more under `/v1/collections/{name}`. The name
  may be an alias; answers through one say in `X-Asteroid-Collection` where it led. Values in a path are
  percent-encoded: paths are split at their slashes before they are decoded.
- A vector is a list of numbers, or base64 of these as little-endian float32, which is read faster and is
  half as long; `vector_format` asks answers for it. Answers say in `X-Asteroid-Vectors` which forms beside
  lists the server takes.
- Ids are unsigned 64-bit integers, as JSON integers or decimal text; answers carry integers.
- `If-Match: "<lsn>"` on the write of one id refuses it with 412 `precondition_failed` if the id changed
  after that record, the one that was read (`ETag`) or last written. A change is never missed; one may be
  suspected where there was none: seldom while few ids have changed since, and as a rule when the LSN is
  from before a restart. Read again, then, and decide again.
- Any write may carry an `Idempotency-Key` of 1 to 128 printable ASCII characters, made by the client: the
  same request with the same key is done once, and its first answer is given again, refusals by the state of
  the store included, also after a restart. The same key with another request is 422 `idempotency_mismatch`.
  Answers say in `X-Asteroid-Idempotency` for how many seconds keys are remembered; their number is bounded.
- The answer to a write comes when it is durable, and names its LSN. A read sees every write that was
  answered before; `min_lsn`, or the header `X-Asteroid-Min-LSN`, also makes it wait for a given one.
"""
TAGS = {
    "collections": "Collections, each an index with a log of its own, and aliases, which lead to them.",
    "index": "The index of the collection `default`: its dimension, its metric, its figures.",
    "text": "Which payload fields are indexed as text, to be searched by words.",
    "vectors": "Write, read and delete vectors and their payloads.",
    "search": "Find the nearest, with filters; count.",
    "fields": "What a payload field holds in all vectors that match a filter.",
    "bulk": "Build a whole index at once.",
    "changes": "Follow what is written, as it becomes durable.",
    "history": "Tags, which are states to go back to, and erasure, which leaves none.",
    "backup": "Keep copies of the store, made while it serves.",
    "operations": "What load balancers and scrapers ask.",
}
FIELD_HELP = (
    "`field` is a path through objects, `a.b` for `b` in `a`, `a\\.b` for the key `a.b`. Of an array, each "
    "distinct element counts once a vector; objects, and arrays within arrays, are no values, but the vector "
    "has the field. {}"
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
    "scroll": "With `order_by` the walk is in the order of a field: numbers, strings, booleans, "
    "the other way round when descending; all others last in either direction; of equal values the "
    "least id first. A vector whose value changes meanwhile may be missed or met twice. A cursor names its "
    "order and filter; with others it is refused. Pages of long strings may be shorter than `limit`.",
    "recall": "Samples are stored vectors, drawn evenly from those that match `filter`. Each is searched for "
    "with `k`, `ef_search` and `filter`, the vector itself left out, and compared with an exact search: what "
    "is as near as the farthest true neighbour counts. That takes as long as `num` exact searches; "
    "measurements take turns. `recall` and `worst` are 1 when there is nothing to find, and `samples` is 0.",
    "search_batch": "Each search has the fields of `POST /v1/search`, which also explains filters.",
    "facets": FIELD_HELP.format(
        "`distinct` counts all values, those not listed too; with `contains` those with the text in them. "
        "Equally common values stand in order of value. More than "
        f"{FACET_VALUES_MAX:,} distinct values, or {FACET_TEXT_BYTES_MAX:,} bytes of them, are refused with "
        "`too_many_values`, never cut short: narrow the filter."
    ),
    "fields": "Paths lead through objects, not into arrays, and are escaped as `POST /v1/facets` takes them. "
    f"`kinds` are null, boolean, number, string, array, object. More than {FIELDS_LISTED_MAX:,} fields are "
    "refused with `too_many_fields`.",
    "field_range": FIELD_HELP.format(
        "`numbers` and `strings` (by code point) are null where there are none; their "
        "`rows` says how many vectors have any."
    ),
    "delete_many": f"Give one of the two, `ids` or `filter`; `POST /v1/search` explains filters. {BY_FILTER} "
    "`POST /v1/count` says beforehand how many match. A list of ids is deleted all at once.",
    "merge_many": f"Give one of the two, `ids` or `filter`; `POST /v1/search` explains filters. {BY_FILTER} "
    "The same goes for a list of ids; those that do not exist are passed over. A payload that would become "
    "too large is refused with `bad_payload` and its `id`, and nothing of its batch is changed.",
    "write": "Done in the order of the fields, and logged as one record: no read, no feed and no restore "
    "ever shows half of it. Filters are evaluated on the state before it. A patch or a set of an id that is "
    "absent when it is its turn refuses all with 404; `list` and `index` say which item is at fault. At most "
    "10,000 items, and 10,000 rows that filters match, else `batch_too_large`. Payloads that patches and "
    "sets change have at most 64 MiB together.",
    "set": f"Give one of the two, `ids` or `filter`; `POST /v1/search` explains filters. {BY_FILTER} The "
    "same goes for a list of ids; those that do not exist are passed over. First what lies at the paths of "
    "`unset` is removed, then the fields of `set` replace those of their names, without merging.",
    "bulk_build": "Only into an empty index. The headers may also begin with "
    f"{' or '.join(f'`{prefix}`' for prefix in BULK_HEADER_PREFIXES[1:])}.",
    "ready": "`degraded` when rows or records had to be given up: see `/v1/recovery`. When the store did not "
    "open: the `file`, the `offset`, the `reason` and `advice`. "
    "Needs no key if the server's setting `public` names it.",
    "metrics": "Needs no key if the server's setting `public` names it.",
}
"""What a call's description says beyond its handler's docstring, by operation."""
