"""The routes that change many rows at once, in other ways than a batch of vectors."""

from __future__ import annotations

from litestar.params import RawBody
from msgspec.structs import asdict

from asteroid_cloud.api.limits import PATCH_IDS_MAX
from asteroid_cloud.api.routes.reading_bodies import read, read_filter
from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    answer,
    collection_of,
    engine_of,
    until_gone,
)
from asteroid_cloud.api.service.ids import checked_ids
from asteroid_cloud.api.service.write_by_filter import set_ids, set_matching
from asteroid_cloud.api.service.writing.mixed_writes import checked_set, write_mixed
from asteroid_cloud.api.wire.requests import SET, check_count, decode
from asteroid_cloud.api.wire.writing.mixed import read_mixed
from asteroid_cloud.wal.errors import InvalidRequest


async def write(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Deletes, inserts, patches and sets rows, in this order: one record, all of it or nothing."""
    collection = collection_of(request)
    spec, bytes_max = collection.engine.snapshot().spec, collection.engine.options.payload_bytes_max
    mixed, filters = await read(collection.reads, len(body), lambda: read_mixed(body, spec, bytes_max))
    result = await write_mixed(engine_of(request), collection.reads, mixed, filters)
    return answer({"lsn": result.lsn} | asdict(result.counts), result.lsn)


async def set_fields(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Fields replace those of their names, without merging, in rows with these ids, or in all that match."""
    check_count(body, "ids", PATCH_IDS_MAX, "ids")
    collection, engine = collection_of(request), engine_of(request)
    asked = await read(collection.reads, len(body), lambda: decode(SET, body))
    if (asked.ids is None) == (not bytes(asked.filter)):
        raise InvalidRequest("give either ids or a filter")
    fields = checked_set(bytes(asked.set) or None, asked.unset, engine.options.payload_bytes_max)
    if asked.ids is not None:
        ids = checked_ids(asked.ids, engine.snapshot().spec, PATCH_IDS_MAX)
        result = await set_ids(engine, collection.reads, ids, fields)
    else:
        filter = await read_filter(collection.reads, asked.filter)
        with until_gone(request):
            result = await set_matching(engine, collection.reads, filter, fields)
    return answer({"set": result.affected, "lsn": result.lsn}, result.lsn)
