"""The one table of routes: where each is, who may call it, how large its body may be, and who answers.

The application, the middleware, the API's description and the tests read it; no path stands anywhere else.
``{id}`` and ``{name}`` are parameters of the handler by those names.
"""

from __future__ import annotations

from asteroid_cloud.api.limits import BATCH_BODY_BYTES_MAX, BULK_BODY_BYTES_MAX, LIST_BODY_BYTES_MAX
from asteroid_cloud.api.routes import (
    backup,
    batches,
    bulk,
    changes,
    fields,
    health,
    history,
    index,
    search,
    vectors,
)
from asteroid_cloud.api.routes.server import aliases, collections
from asteroid_cloud.api.routes.server.key import get_key
from asteroid_cloud.api.routes.texts import definition
from asteroid_cloud.api.routes.writing import mixed
from asteroid_cloud.api.routing.route import API, NAMED, Route

LIST, BATCH, BULK = LIST_BODY_BYTES_MAX, BATCH_BODY_BYTES_MAX, BULK_BODY_BYTES_MAX
ALIAS = f"{API}/aliases/{{alias}}"
VECTOR, PAYLOAD = "/v1/vectors/{id}", "/v1/vectors/{id}/payload"

ROUTES: tuple[Route, ...] = (
    Route("PUT", "/v1/index", index.create_index, "create_index", "admin", reach="default"),
    Route("GET", "/v1/index", index.get_index, "get_index", "read"),
    Route("DELETE", "/v1/index", index.delete_index, "delete_index", "admin", reach="default"),
    Route("GET", "/v1/collections", collections.list_collections, "collections", "read", reach="server"),
    Route("GET", NAMED, collections.get_collection, "get_collection", "read", reach="server"),
    Route("PUT", NAMED, collections.create_collection, "create_collection", "admin", reach="server"),
    Route("DELETE", NAMED, collections.delete_collection, "delete_collection", "admin", reach="server"),
    Route("GET", "/v1/aliases", aliases.list_aliases, "aliases", "read", reach="server"),
    Route("GET", ALIAS, aliases.get_alias, "get_alias", "read", reach="server"),
    Route("PUT", ALIAS, aliases.set_alias, "set_alias", "admin", reach="server"),
    Route("DELETE", ALIAS, aliases.delete_alias, "delete_alias", "admin", reach="server"),
    Route("GET", "/v1/text", definition.get_text, "get_text", "read"),
    Route("PUT", "/v1/text", definition.set_text, "set_text", "admin"),
    Route("DELETE", "/v1/text", definition.delete_text, "delete_text", "admin"),
    Route("GET", "/v1/stats", index.get_stats, "stats", "read"),
    Route("POST", "/v1/flush", index.flush, "flush", "write"),
    Route("GET", "/v1/recovery", index.get_recovery, "recovery", "read"),
    Route("POST", "/v1/vectors", vectors.insert_vector, "insert", "write", 201),
    Route("PUT", VECTOR, vectors.upsert_vector, "upsert", "write"),
    Route("GET", VECTOR, vectors.get_vector, "get", "read"),
    Route("DELETE", VECTOR, vectors.delete_vector, "delete", "write", 204),
    Route("GET", PAYLOAD, vectors.get_payload, "get_payload", "read"),
    Route("PUT", PAYLOAD, vectors.set_payload, "set_payload", "write"),
    Route("PATCH", PAYLOAD, vectors.merge_payload, "merge_payload", "write"),
    Route("POST", "/v1/vectors/batch", batches.insert_batch, "insert_batch", "write", 201, BATCH),
    Route("POST", "/v1/vectors/fetch", batches.fetch_vectors, "fetch", "read", 200, LIST),
    Route("POST", "/v1/vectors/delete", batches.delete_vectors, "delete_many", "write", 200, LIST),
    Route("POST", "/v1/vectors/patch", batches.patch_vectors, "merge_many", "write"),
    Route("POST", "/v1/vectors/set", mixed.set_fields, "set", "write"),
    Route("POST", "/v1/write", mixed.write, "write", "write", 200, BATCH),
    Route("POST", "/v1/vectors/scroll", batches.scroll_vectors, "scroll", "read", 200, LIST),
    Route("POST", "/v1/search", search.search, "search", "read", 200, LIST, is_hot=True),
    Route("POST", "/v1/search/batch", search.search_batch, "search_batch", "read", 200, LIST, is_hot=True),
    Route("POST", "/v1/recall", search.recall, "recall", "read"),
    Route("POST", "/v1/count", search.count, "count", "read"),
    Route("POST", "/v1/facets", fields.facets, "facets", "read"),
    Route("GET", "/v1/fields", fields.list_fields, "fields", "read"),
    Route("POST", "/v1/range", fields.field_range, "field_range", "read"),
    Route("POST", "/v1/build/bulk", bulk.bulk_build, "bulk_build", "write", 200, BULK, is_streamed=True),
    Route("POST", "/v1/backup", backup.make_backup, "backup", "admin", 201),
    Route("GET", "/v1/backup", backup.list_backups, "backups", "admin"),
    Route("GET", "/v1/changes", changes.changes, "changes", "read", is_feed=True),
    Route("POST", "/v1/tags", history.make_tag, "tag", "admin", 201),
    Route("GET", "/v1/tags", history.list_tags, "tags", "admin"),
    Route("DELETE", "/v1/tags/{name}", history.delete_tag, "untag", "admin", 204),
    Route("POST", "/v1/purge", history.purge, "purge", "admin"),
    Route("GET", "/v1/key", get_key, "key", "read", reach="server"),
    Route("GET", "/health", health.health, "health", "open", reach="server"),
    Route("GET", "/ready", health.ready, "ready", "read", reach="server", public_name="ready"),
    Route("GET", "/metrics", health.metrics, "metrics", "read", reach="process", public_name="metrics"),
)
"""In the order of the API's description."""
NAMED_ROUTES = tuple(route.of_named() for route in ROUTES if route.reach == "collection")
"""The routes of a collection once more, under its name."""
