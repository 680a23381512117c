"""The routes of the index as a whole: create, look at, delete, figures."""

from __future__ import annotations

from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    answer,
    collection_of,
    engine_of,
    wanted_lsn,
)
from asteroid_cloud.api.service.checks import checked_wait_s
from asteroid_cloud.api.wire.requests import FLUSH, INDEX, IndexBody, decode


async def create_index(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Fixes dimension, metric and precision until the index is deleted."""
    asked = decode(INDEX, body)
    engine = engine_of(request)
    result = await engine.create_index(asked.dim, asked.metric, asked.bits)  # type: ignore[arg-type]
    return answer(described(asked) | {"initialized": True, "lsn": result.lsn}, result.lsn)


def described(asked: IndexBody) -> dict[str, object]:
    """The index that was asked for."""
    return {"dim": asked.dim, "metric": str(asked.metric).lower(), "bits": asked.bits}


async def get_index(request: AnyRequest) -> JsonResponse:
    """They are null before the index is created."""
    collection = collection_of(request)
    await collection.reads.reach(wanted_lsn(request))
    info = collection.index_info()
    shown = {"initialized": info.initialized, "dim": info.dim, "metric": info.metric, "bits": info.bits}
    return answer(shown, info.lsn)


async def delete_index(request: AnyRequest) -> JsonResponse:
    """Does nothing when there is none."""
    result = await engine_of(request).delete_index()
    return answer({"initialized": False, "lsn": result.lsn}, result.lsn)


async def get_stats(request: AnyRequest) -> JsonResponse:
    """``vectors`` is exact, ``memory_bytes`` anonymous resident memory."""
    collection = collection_of(request)
    await collection.reads.reach(wanted_lsn(request))
    stats = await collection.stats()
    return answer(stats, stats.lsn)


async def flush(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Seals the tail; ``lsn`` is what a durable manifest holds. Merges are not awaited."""
    wait_s = checked_wait_s(decode(FLUSH, body or b"{}").timeout_s)
    lsn = await collection_of(request).engine.flush(wait_s)
    return answer({"lsn": lsn}, lsn)


async def get_recovery(request: AnyRequest) -> JsonResponse:
    """Records from segments and from the log, the torn tail that was cut, if any, and how long it took."""
    engine = collection_of(request).engine
    return answer(engine.recovery, engine.applied_lsn)
