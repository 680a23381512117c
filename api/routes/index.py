"""The routes of the index as a whole: create, look at, delete, figures."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.params import RawBody

from asteroid_cloud.api.limits import BODY_BYTES_MAX
from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, answer, store_of, wanted_lsn
from asteroid_cloud.api.wire.requests import INDEX, decode


@put("/v1/index", request_max_body_size=BODY_BYTES_MAX, summary="Create the index")
async def create_index(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Fixes dimension, metric and precision until the index is deleted."""
    asked = decode(INDEX, body)
    engine = store_of(request).engine
    result = await engine.create_index(asked.dim, asked.metric, asked.bits)  # type: ignore[arg-type]
    told = {"dim": asked.dim, "metric": str(asked.metric).lower(), "bits": asked.bits}
    return answer(told | {"initialized": True, "lsn": result.lsn}, result.lsn)


@get("/v1/index", summary="The index's dimension, metric and precision")
async def get_index(request: AnyRequest) -> JsonResponse:
    """They are null before the index is created."""
    store = store_of(request)
    await store.reads.reach(wanted_lsn(request))
    info = await store.get_index()
    told = {"initialized": info.initialized, "dim": info.dim, "metric": info.metric, "bits": info.bits}
    return answer(told, info.lsn)


@delete("/v1/index", status_code=200, summary="Delete the index and all its data")
async def delete_index(request: AnyRequest) -> JsonResponse:
    """Does nothing when there is none."""
    info = await store_of(request).delete_index()
    return answer({"initialized": False, "lsn": info.lsn}, info.lsn)


@get("/v1/stats", summary="Figures of this moment")
async def get_stats(request: AnyRequest) -> JsonResponse:
    """``vectors`` is exact, ``memory_bytes`` anonymous resident memory."""
    store = store_of(request)
    await store.reads.reach(wanted_lsn(request))
    stats = await store.stats()
    return answer(stats, stats.lsn)


@get("/v1/recovery", summary="What the server found when it opened the store")
async def get_recovery(request: AnyRequest) -> JsonResponse:
    """Records from segments and from the log, the torn tail that was cut, if any, and how long it took."""
    engine = store_of(request).engine
    return answer(engine.recovery, engine.applied_lsn)
