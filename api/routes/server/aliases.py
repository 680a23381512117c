"""The routes of aliases: names that lead to a collection, and may be switched to another."""

from __future__ import annotations

from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, collections_of, grant_of
from asteroid_cloud.api.routes.server.plain import plain_answer
from asteroid_cloud.api.wire.collections.bodies import ALIAS
from asteroid_cloud.api.wire.requests import decode
from asteroid_cloud.indexer.catalog import checked_collection_name
from asteroid_cloud.wal.errors import NotFound


async def list_aliases(request: AnyRequest) -> JsonResponse:
    """Those that the key is for, by name."""
    grant, aliases = grant_of(request), collections_of(request).aliases
    shown = [_shown(alias, aliases[alias]) for alias in sorted(aliases) if grant.sees(alias)]
    return plain_answer({"aliases": shown})


async def get_alias(request: AnyRequest, alias: str) -> JsonResponse:
    """The collection that it leads to."""
    aliases = collections_of(request).aliases
    if alias not in aliases:
        raise NotFound(f"there is no alias {alias!r:.80}", code="no_collection")
    return plain_answer(_shown(alias, aliases[alias]))


async def set_alias(request: AnyRequest, alias: str, body: RawBody) -> JsonResponse:
    """From now on it leads there, wherever it led before: no call in between finds neither."""
    collection = checked_collection_name(decode(ALIAS, body).collection)
    grant_of(request).check_sees(collection)
    await collections_of(request).set_alias(alias, collection)
    return plain_answer(_shown(alias, collection))


async def delete_alias(request: AnyRequest, alias: str) -> JsonResponse:
    """The collection stays."""
    return plain_answer({"deleted": await collections_of(request).delete_alias(alias)})


def _shown(alias: str, collection: str) -> dict[str, str]:
    return {"alias": alias, "collection": collection}
