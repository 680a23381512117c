"""The routes of history: tags, which are states to go back to, and a purge, which leaves none."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath, RawBody

from asteroid_cloud.api.limits import BODY_BYTES_MAX
from asteroid_cloud.api.routes.responses import LSN_HEADER, AnyRequest, JsonResponse, answer, store_of
from asteroid_cloud.api.wire.requests import NOTHING, TAG, decode
from asteroid_cloud.indexer import checked_name


@post("/v1/tags", status_code=201, request_max_body_size=BODY_BYTES_MAX, summary="Tag the present state")
async def make_tag(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Every write that was answered before is in it."""
    tag = await store_of(request).engine.tag(checked_name(decode(TAG, body).name))
    return answer(tag, tag.lsn, 201)


@get("/v1/tags", summary="The tags")
async def list_tags(request: AnyRequest) -> JsonResponse:
    """The newest first."""
    engine = store_of(request).engine
    return answer({"tags": await engine.tags()}, engine.applied_lsn)


@delete("/v1/tags/{name:str}", status_code=204, summary="Forget a tag")
async def delete_tag(request: AnyRequest, name: FromPath[str]) -> Response[None]:
    """And whatever only it needed."""
    engine = store_of(request).engine
    await engine.untag(name)
    return Response(None, status_code=204, headers={LSN_HEADER: str(engine.applied_lsn)})


@post("/v1/purge", status_code=200, request_max_body_size=BODY_BYTES_MAX, summary="Erase what was deleted")
async def purge(request: AnyRequest, body: RawBody) -> JsonResponse:
    """What was deleted or replaced until now leaves the store's files; tags and the kept log go with it."""
    decode(NOTHING, body or b"{}")
    report = await store_of(request).engine.purge()
    return answer(report, report.lsn)
