"""The routes that find vectors."""

from __future__ import annotations

from functools import partial

from litestar.params import RawBody
from litestar.types import ASGIApp

from asteroid_cloud.api.routes.reading_bodies import read, read_filter, with_filter
from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    PiecesAnswer,
    answer,
    collection_of,
    room_of,
    wanted_lsn,
)
from asteroid_cloud.api.service.read_executor import BYTES_IN_PLACE_MAX
from asteroid_cloud.api.wire.answers import VectorFormat, batch_pieces, search_pieces
from asteroid_cloud.api.wire.requests import (
    COUNT,
    RECALL,
    SEARCH,
    SEARCH_BATCH,
    SearchBatchBody,
    SearchBody,
    check_count,
    decode,
)
from asteroid_cloud.api.wire.values.read import checked_format
from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.query import SearchRequest
from asteroid_cloud.query.limits import ALLOWED_IDS_MAX, SEARCHES_MAX
from asteroid_cloud.wal.errors import InvalidRequest

HITS_IN_PLACE_MAX = 500
"""More hits than this are written as JSON in a thread."""


async def search(request: AnyRequest, body: bytes) -> ASGIApp:
    """Exactly ``k`` hits, or as many as match; ascending by distance."""
    reads = collection_of(request).reads
    asked = await read(reads, len(body), partial(_read_search, body))
    format = checked_format(asked.vector_format)
    wanted = await with_filter(reads, asked.filter, partial(asked.request, reads.spec))
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    room = room_of(request, "lower k, or leave out of include what is not needed")
    result = await reads.search(snapshot, wanted, room.take)
    if len(result) <= HITS_IN_PLACE_MAX and room.held <= BYTES_IN_PLACE_MAX:
        return PiecesAnswer(search_pieces(result, room, format), result.lsn)
    return PiecesAnswer(await reads.in_thread(partial(search_pieces, result, room, format)), result.lsn)


async def search_batch(request: AnyRequest, body: bytes) -> ASGIApp:
    """All of one snapshot, answered in order; one bad search refuses them all and is named."""
    reads = collection_of(request).reads
    lsn, requests, formats = await reads.in_thread(partial(_read_searches, body, reads.spec))
    snapshot = await reads.snapshot(wanted_lsn(request, lsn))
    room = room_of(request, "send fewer searches, lower k, or leave out of include what is not needed")
    results = await reads.search_batch(snapshot, requests, room.take)
    return PiecesAnswer(await reads.in_thread(partial(batch_pieces, results, room, formats)), snapshot.lsn)


async def recall(request: AnyRequest, body: RawBody) -> JsonResponse:
    """How many of the true neighbours searches find: the mean and the worst of `num` samples."""
    reads = collection_of(request).reads
    asked = await read(reads, len(body), lambda: decode(RECALL, body or b"{}"))
    wanted = await with_filter(reads, asked.filter, asked.request)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    return answer(await reads.recall(snapshot, wanted), snapshot.lsn)


async def count(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Exact."""
    reads = collection_of(request).reads
    asked = await read(reads, len(body), lambda: decode(COUNT, body or b"{}"))
    filter = await read_filter(reads, asked.filter)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    return answer({"count": await reads.count(snapshot, filter)}, snapshot.lsn)


def _read_search(body: bytes) -> SearchBody:
    check_count(body, "ids", ALLOWED_IDS_MAX, "ids")
    asked: SearchBody = decode(SEARCH, body)
    return asked


def _read_searches(
    body: bytes, spec: IndexSpec | None
) -> tuple[int, list[SearchRequest], list[VectorFormat]]:
    check_count(body, "searches", SEARCHES_MAX, "searches")
    asked: SearchBatchBody = decode(SEARCH_BATCH, body)
    requests, formats = list[SearchRequest](), list[VectorFormat]()
    for index, each in enumerate(asked.searches):
        try:
            formats.append(checked_format(each.vector_format))
            requests.append(each.request(spec))
        except InvalidRequest as error:
            error.details["index"] = index
            raise
    return asked.wanted_lsn(), requests, formats
