"""The routes that find vectors."""

from __future__ import annotations

from functools import partial

import msgspec
from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, answer, collection_of, wanted_lsn
from asteroid_cloud.api.wire.answers import BatchAnswer, search_answer
from asteroid_cloud.api.wire.requests import (
    COUNT,
    RECALL,
    SEARCH,
    SEARCH_BATCH,
    SearchBatchBody,
    decode,
    filter_from,
)
from asteroid_cloud.query import SearchRequest, SearchResult
from asteroid_cloud.query.limits import SEARCHES_MAX
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

HITS_IN_PLACE_MAX = 500
"""More hits than this are written as JSON in a thread."""


async def search(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Exactly ``k`` hits, or as many as match; ascending by distance."""
    asked, reads = decode(SEARCH, body), collection_of(request).reads
    wanted = asked.request()
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    result = await reads.search(snapshot, wanted)
    if len(result) <= HITS_IN_PLACE_MAX:
        return answer(search_answer(result), result.lsn)
    content = await reads.in_thread(lambda: msgspec.json.encode(search_answer(result)))
    return answer(content, result.lsn)


async def search_batch(request: AnyRequest, body: RawBody) -> JsonResponse:
    """All of one snapshot, answered in order; one bad search refuses them all and is named."""
    reads = collection_of(request).reads
    lsn, requests = await reads.in_thread(partial(_read_searches, body))
    snapshot = await reads.snapshot(wanted_lsn(request, lsn))
    results = await reads.search_batch(snapshot, requests)
    return answer(await reads.in_thread(partial(_encode_searches, results)), snapshot.lsn)


async def recall(request: AnyRequest, body: RawBody) -> JsonResponse:
    """How many of the true neighbours searches find: the mean and the worst of `num` samples."""
    asked, reads = decode(RECALL, body or b"{}"), collection_of(request).reads
    wanted = asked.request()
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    return answer(await reads.recall(snapshot, wanted), snapshot.lsn)


async def count(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Exact."""
    asked, reads = decode(COUNT, body or b"{}"), collection_of(request).reads
    filter = filter_from(asked.filter)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    return answer({"count": await reads.count(snapshot, filter)}, snapshot.lsn)


def _read_searches(body: RawBody) -> tuple[int, list[SearchRequest]]:
    asked: SearchBatchBody = decode(SEARCH_BATCH, body)
    if len(asked.searches) > SEARCHES_MAX:
        raise TooLarge(f"a batch has at most {SEARCHES_MAX} searches", code="batch_too_large")
    requests = []
    for index, each in enumerate(asked.searches):
        try:
            requests.append(each.request())
        except InvalidRequest as error:
            error.details["index"] = index
            raise
    return asked.wanted_lsn(), requests


def _encode_searches(results: list[SearchResult]) -> bytes:
    return msgspec.json.encode(BatchAnswer([search_answer(result) for result in results]))
