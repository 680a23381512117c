"""The routes of single vectors, their payloads, batches, and sets of ids."""

from __future__ import annotations

import msgspec
import numpy as np
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, RawBody

from asteroid_cloud.api.limits import (
    BATCH_BODY_BYTES_MAX,
    BODY_BYTES_MAX,
    DELETE_IDS_MAX,
    FETCH_IDS_MAX,
    LIST_BODY_BYTES_MAX,
    PATCH_IDS_MAX,
)
from asteroid_cloud.api.routes.responses import (
    LSN_HEADER,
    AnyRequest,
    JsonResponse,
    PageAnswer,
    RowsAnswer,
    answer,
    row_answers,
    store_of,
    tagged,
    wanted_lsn,
)
from asteroid_cloud.api.service.checks import checked_id, checked_ids, checked_include, float32_vector
from asteroid_cloud.api.service.payloads import checked_text
from asteroid_cloud.api.service.preconditions import condition_of
from asteroid_cloud.api.service.write_by_filter import delete_matching, merge_ids, merge_matching
from asteroid_cloud.api.service.writes import put as put_vector
from asteroid_cloud.api.service.writes import put_batch
from asteroid_cloud.api.wire.batches import read_batch
from asteroid_cloud.api.wire.requests import (
    DELETE,
    FETCH,
    INSERT,
    PATCH,
    SCROLL,
    VECTOR,
    decode,
    filter_from,
    payload_from,
)
from asteroid_cloud.query import fetch_one
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import KIB

IN_PLACE_BYTES_MAX = 64 * KIB
"""Bodies up to this size are read in place; a larger one would keep the event loop busy too long."""


@post("/v1/vectors", status_code=201, request_max_body_size=BODY_BYTES_MAX, summary="Insert a vector")
async def insert_vector(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Replaces the vector that the id may have; its payload stays unless ``metadata`` is given."""
    asked = decode(INSERT, body)
    number, vector, payload = checked_id(asked.id), float32_vector(asked.vector), payload_from(asked.metadata)
    condition = condition_of(request.headers)
    result = await put_vector(store_of(request).engine, number, vector, payload, condition)
    return answer({"id": number, "lsn": result.lsn}, result.lsn, 201)


@put("/v1/vectors/{id:str}", request_max_body_size=BODY_BYTES_MAX, summary="Insert or replace a vector")
async def upsert_vector(request: AnyRequest, id: FromPath[str], body: RawBody) -> JsonResponse:
    """The payload stays unless ``metadata`` is given."""
    number, asked = checked_id(id), decode(VECTOR, body)
    vector, payload = float32_vector(asked.vector), payload_from(asked.metadata)
    condition = condition_of(request.headers)
    result = await put_vector(store_of(request).engine, number, vector, payload, condition)
    return answer({"id": number, "lsn": result.lsn}, result.lsn)


@get("/v1/vectors/{id:str}", summary="A stored vector")
async def get_vector(request: AnyRequest, id: FromPath[str]) -> JsonResponse:
    """Dequantised: close to what was inserted, not equal to it."""
    number = checked_id(id)
    snapshot = await store_of(request).reads.snapshot(wanted_lsn(request))
    return tagged(row_answers([fetch_one(snapshot, number, vector=True)])[0], snapshot.lsn)


@delete("/v1/vectors/{id:str}", status_code=204, summary="Delete a vector and its payload")
async def delete_vector(request: AnyRequest, id: FromPath[str]) -> Response[None]:
    """Also when there is no such id."""
    ids = np.array([checked_id(id)], np.uint64)
    result = await store_of(request).engine.delete(ids, condition=condition_of(request.headers))
    return Response(None, status_code=204, headers={LSN_HEADER: str(result.lsn)})


@get("/v1/vectors/{id:str}/payload", summary="A vector's payload")
async def get_payload(request: AnyRequest, id: FromPath[str]) -> JsonResponse:
    """The object as it was stored, ``{}`` if there is none."""
    number = checked_id(id)
    snapshot = await store_of(request).reads.snapshot(wanted_lsn(request))
    return tagged(fetch_one(snapshot, number, payload=True).payload or b"{}", snapshot.lsn)


@put("/v1/vectors/{id:str}/payload", request_max_body_size=BODY_BYTES_MAX, summary="Replace a payload")
async def set_payload(request: AnyRequest, id: FromPath[str], body: RawBody) -> JsonResponse:
    """Explicit nulls are kept."""
    number, text = checked_id(id), checked_text(body)
    condition = condition_of(request.headers)
    result = await store_of(request).engine.replace_payload(number, text, condition=condition)
    return answer({"id": number, "lsn": result.lsn}, result.lsn)


@patch("/v1/vectors/{id:str}/payload", request_max_body_size=BODY_BYTES_MAX, summary="Merge into a payload")
async def merge_payload(request: AnyRequest, id: FromPath[str], body: RawBody) -> JsonResponse:
    """RFC 7396: objects merge, other values replace, null deletes."""
    number, text = checked_id(id), checked_text(body)
    condition = condition_of(request.headers)
    result = await store_of(request).engine.merge_payload(number, text or b"{}", condition=condition)
    return answer({"id": number, "lsn": result.lsn}, result.lsn)


@post(
    "/v1/vectors/batch",
    status_code=201,
    request_max_body_size=BATCH_BODY_BYTES_MAX,
    summary="Insert many vectors",
)
async def insert_batch(request: AnyRequest, body: RawBody) -> JsonResponse:
    """All of them or none; an id given twice ends up as its last item says."""
    store = store_of(request)
    dim = store.engine.snapshot().spec.dim
    if len(body) <= IN_PLACE_BYTES_MAX:
        batch = read_batch(body, dim)
    else:
        batch = await store.reads.in_thread(lambda: read_batch(body, dim))
    result = await put_batch(store.engine, batch.ids, batch.vectors, batch.payloads)
    return answer({"inserted": len(batch.ids), "lsn": result.lsn}, result.lsn, 201)


@post(
    "/v1/vectors/fetch",
    status_code=200,
    request_max_body_size=LIST_BODY_BYTES_MAX,
    summary="Get many vectors",
)
async def fetch_vectors(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Those of the ids that exist, in the order asked."""
    asked = decode(FETCH, body)
    ids, include = checked_ids(asked.ids, FETCH_IDS_MAX), checked_include(asked.include)
    reads = store_of(request).reads
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    records = await reads.fetch(snapshot, ids, payload="payload" in include, vector="vector" in include)
    content = await reads.in_thread(lambda: msgspec.json.encode(RowsAnswer(row_answers(records))))
    return answer(content, snapshot.lsn)


@post("/v1/vectors/delete", status_code=200, request_max_body_size=LIST_BODY_BYTES_MAX, summary="Delete many")
async def delete_vectors(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Those with the ids given, or all that match a filter."""
    asked, store = decode(DELETE, body), store_of(request)
    if (asked.ids is None) == (not bytes(asked.filter)):
        raise InvalidRequest("give either ids or a filter")
    if asked.ids is not None:
        result = await store.engine.delete(checked_ids(asked.ids, DELETE_IDS_MAX))
    else:
        result = await delete_matching(store.engine, store.reads, filter_from(asked.filter))
    return answer({"deleted": result.affected, "lsn": result.lsn}, result.lsn)


@post(
    "/v1/vectors/patch",
    status_code=200,
    request_max_body_size=LIST_BODY_BYTES_MAX,
    summary="Merge into many payloads",
)
async def patch_vectors(request: AnyRequest, body: RawBody) -> JsonResponse:
    """RFC 7396, one patch for those with the ids given, or for all that match a filter."""
    asked, store = decode(PATCH, body), store_of(request)
    if (asked.ids is None) == (not bytes(asked.filter)):
        raise InvalidRequest("give either ids or a filter")
    patch = payload_from(asked.patch) or b"{}"
    if asked.ids is not None:
        result = await merge_ids(store.engine, store.reads, checked_ids(asked.ids, PATCH_IDS_MAX), patch)
    else:
        result = await merge_matching(store.engine, store.reads, filter_from(asked.filter), patch)
    return answer({"patched": result.affected, "lsn": result.lsn}, result.lsn)


@post("/v1/vectors/scroll", status_code=200, request_max_body_size=BODY_BYTES_MAX, summary="Walk in id order")
async def scroll_vectors(request: AnyRequest, body: RawBody) -> JsonResponse:
    """One page; its cursor asks for the next."""
    asked, reads = decode(SCROLL, body), store_of(request).reads
    filter, include = filter_from(asked.filter), checked_include(asked.include)
    if isinstance(asked.limit, bool) or not isinstance(asked.limit, int):
        raise InvalidRequest("limit must be an integer", code="bad_limit")
    if asked.cursor is not None and not isinstance(asked.cursor, str):
        raise InvalidRequest("a cursor is a string", code="bad_cursor")
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    page = await reads.scroll(
        snapshot,
        filter,
        asked.limit,
        asked.cursor,
        payload="payload" in include,
        vector="vector" in include,
    )
    content = await reads.in_thread(
        lambda: msgspec.json.encode(PageAnswer(row_answers(page.records), page.cursor))
    )
    return answer(content, page.lsn)
