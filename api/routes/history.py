"""The routes of history: tags, which name states to restore, and the purge, which erases history."""

from __future__ import annotations

from litestar import Response
from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, answer, collection_of, empty_answer
from asteroid_cloud.api.wire.requests import NOTHING, TAG, decode
from asteroid_cloud.indexer import checked_name


async def make_tag(request: AnyRequest, body: RawBody) -> JsonResponse:
    """The tag holds every write that was answered before."""
    tag = await collection_of(request).engine.tag(checked_name(decode(TAG, body).name))
    return answer(tag, tag.lsn)


async def list_tags(request: AnyRequest) -> JsonResponse:
    """The newest first."""
    engine = collection_of(request).engine
    return answer({"tags": await engine.tags()}, engine.applied_lsn)


async def delete_tag(request: AnyRequest, name: str) -> Response[None]:
    """The files that only this tag needed are removed, too."""
    engine = collection_of(request).engine
    await engine.untag(name)
    return empty_answer(engine.applied_lsn)


async def purge(request: AnyRequest, body: RawBody) -> JsonResponse:
    """What was deleted or replaced until now leaves the store's files; tags and the kept log go with it."""
    decode(NOTHING, body or b"{}")
    report = await collection_of(request).engine.purge()
    return answer(report, report.lsn)
