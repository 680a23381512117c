"""All routes of the data API, for the application to put together with its own."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from asteroid_cloud.api.routes import backup as routes_backup
from asteroid_cloud.api.routes import bulk as routes_bulk
from asteroid_cloud.api.routes import changes as routes_changes
from asteroid_cloud.api.routes import fields as routes_fields
from asteroid_cloud.api.routes import history as routes_history
from asteroid_cloud.api.routes import index as routes_index
from asteroid_cloud.api.routes import search as routes_search
from asteroid_cloud.api.routes import vectors as routes_vectors


def route_handlers() -> list[HTTPRouteHandler]:
    """The handlers; each finds the store in the application's state under ``store``."""
    return [
        routes_index.create_index,
        routes_index.get_index,
        routes_index.delete_index,
        routes_index.get_stats,
        routes_index.get_recovery,
        routes_vectors.insert_vector,
        routes_vectors.upsert_vector,
        routes_vectors.get_vector,
        routes_vectors.delete_vector,
        routes_vectors.get_payload,
        routes_vectors.set_payload,
        routes_vectors.merge_payload,
        routes_vectors.insert_batch,
        routes_vectors.fetch_vectors,
        routes_vectors.delete_vectors,
        routes_vectors.patch_vectors,
        routes_vectors.scroll_vectors,
        routes_search.search,
        routes_search.search_batch,
        routes_search.count,
        routes_fields.facets,
        routes_fields.field_range,
        routes_bulk.bulk_build,
        routes_backup.make_backup,
        routes_backup.list_backups,
        routes_changes.changes,
        routes_history.make_tag,
        routes_history.list_tags,
        routes_history.delete_tag,
        routes_history.purge,
    ]
