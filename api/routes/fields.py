"""The routes that say what a payload field holds."""

from __future__ import annotations

import msgspec
from litestar.params import RawBody

from asteroid_cloud.api.routes.reading_bodies import read, read_filter
from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, answer, collection_of, wanted_lsn
from asteroid_cloud.api.wire.requests import FACETS, RANGE, decode
from asteroid_cloud.query import field_path


async def facets(request: AnyRequest, body: RawBody) -> JsonResponse:
    """How many of the vectors that match have each value of a payload field; exact, of one snapshot."""
    reads = collection_of(request).reads
    asked = await read(reads, len(body), lambda: decode(FACETS, body))
    path, filter = field_path(asked.field), await read_filter(reads, asked.filter)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    listed = {"offset": asked.offset, "order": asked.order, "contains": asked.contains}
    found = await reads.facets(snapshot, path, filter, asked.limit, **listed)
    return answer(await reads.in_thread(lambda: msgspec.json.encode(found)), snapshot.lsn)


async def field_range(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Between which numbers and strings a payload field lies in the vectors that match; of one snapshot."""
    reads = collection_of(request).reads
    asked = await read(reads, len(body), lambda: decode(RANGE, body))
    path, filter = field_path(asked.field), await read_filter(reads, asked.filter)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    return answer(await reads.field_range(snapshot, path, filter), snapshot.lsn)


async def list_fields(request: AnyRequest) -> JsonResponse:
    """Every field that payloads have, the kinds of its values, and how many vectors have it."""
    reads = collection_of(request).reads
    snapshot = await reads.snapshot(wanted_lsn(request))
    found = await reads.field_list(snapshot)
    return answer(await reads.in_thread(lambda: msgspec.json.encode({"fields": found})), snapshot.lsn)
