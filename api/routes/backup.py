"""The routes of backups."""

from __future__ import annotations

from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, answer, collection_of
from asteroid_cloud.api.wire.requests import BACKUP, decode


async def make_backup(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Copies the store, as of one LSN, to the server's folder for backups; everything else goes on."""
    report = await collection_of(request).backups.make(decode(BACKUP, body).name)
    return answer(report, report.lsn)


async def list_backups(request: AnyRequest) -> JsonResponse:
    """Those of this store in the server's folder for backups, the newest first, and what is damaged there."""
    collection = collection_of(request)
    return answer(await collection.backups.listed(), collection.engine.applied_lsn)
