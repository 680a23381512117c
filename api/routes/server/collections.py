"""The routes of collections: list them, look at one, make and delete one."""

from __future__ import annotations

from litestar import Response
from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, collections_of, grant_of
from asteroid_cloud.api.routes.server.plain import plain_answer
from asteroid_cloud.api.wire.collections.bodies import COLLECTION
from asteroid_cloud.api.wire.requests import decode


async def list_collections(request: AnyRequest) -> JsonResponse:
    """Those that the key is for, by name; `default` is among them once it has an index."""
    grant = grant_of(request)
    infos = await collections_of(request).infos()
    return plain_answer({"collections": [info for info in infos if grant.sees(info.name)]})


async def get_collection(request: AnyRequest, collection: str) -> JsonResponse:
    """All that was fixed when it was made, and its text index. The name may be an alias."""
    return plain_answer(await collections_of(request).whole_definition(collection))


async def create_collection(request: AnyRequest, collection: str, body: RawBody) -> JsonResponse:
    """Makes it, with a log of its own. One that is there already is compared in the fields that are given."""
    asked = decode(COLLECTION, body).asked()
    return plain_answer(await collections_of(request).create(collection, asked))


async def delete_collection(request: AnyRequest, collection: str) -> Response[bytes]:
    """Its files and its aliases go, too. Calls under way in it end, and so do its change feeds."""
    return plain_answer({"deleted": await collections_of(request).delete(collection)})
