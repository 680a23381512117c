"""The routes for operators who keep copies."""

from __future__ import annotations

from litestar import get, post
from litestar.params import RawBody

from asteroid_cloud.api.limits import BODY_BYTES_MAX
from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, answer, store_of
from asteroid_cloud.api.wire.requests import BACKUP, decode


@post("/v1/backup", status_code=201, request_max_body_size=BODY_BYTES_MAX, summary="Make a backup")
async def make_backup(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Copies the store, as of one LSN, to the server's folder for backups; everything else goes on."""
    report = await store_of(request).backups.make(decode(BACKUP, body).name)
    return answer(report, report.lsn, 201)


@get("/v1/backup", summary="The finished backups")
async def list_backups(request: AnyRequest) -> JsonResponse:
    """Those of this store in the server's folder for backups, the newest first."""
    store = store_of(request)
    return answer({"backups": await store.backups.listed()}, store.engine.applied_lsn)
