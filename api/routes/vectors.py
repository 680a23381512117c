"""The routes of one vector and its payload."""

from __future__ import annotations

import numpy as np
from litestar import Response
from litestar.params import RawBody
from numpy.typing import NDArray

from asteroid_cloud.api.routes.reading_bodies import read, read_payload
from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    answer,
    answer_with_tag,
    collection_of,
    empty_answer,
    engine_of,
    wanted_lsn,
)
from asteroid_cloud.api.service.ids import checked_id, one_id
from asteroid_cloud.api.service.preconditions import checked_on_existing
from asteroid_cloud.api.service.writes import put, result_of
from asteroid_cloud.api.wire.answers import row_answer
from asteroid_cloud.api.wire.headers import condition_of
from asteroid_cloud.api.wire.requests import INSERT, VECTOR, decode, payload_of, row_vector
from asteroid_cloud.api.wire.values.read import checked_format
from asteroid_cloud.indexer import Id
from asteroid_cloud.query import fetch_one


async def insert_vector(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Replaces the vector that the id may have; its payload stays unless ``metadata`` is given."""
    collection = collection_of(request)
    asked = await read(collection.reads, len(body), lambda: decode(INSERT, body))
    spec = collection.engine.snapshot().spec
    number, vector = checked_id(asked.id, spec), row_vector(asked.vector, spec.needs_vectors)
    payload = await read_payload(collection, asked.metadata)
    return await _put(request, number, vector, payload, asked.on_existing)


async def upsert_vector(request: AnyRequest, id: str, body: RawBody) -> JsonResponse:
    """The payload stays unless ``metadata`` is given."""
    collection = collection_of(request)
    number = checked_id(id, collection.engine.spec)
    asked = await read(collection.reads, len(body), lambda: decode(VECTOR, body))
    vector = row_vector(asked.vector, collection.engine.snapshot().spec.needs_vectors)
    payload = await read_payload(collection, asked.metadata)
    return await _put(request, number, vector, payload, asked.on_existing)


async def _put(
    request: AnyRequest,
    number: Id,
    vector: NDArray[np.float32] | None,
    payload: bytes | None,
    on_existing: object,
) -> JsonResponse:
    condition, existing = condition_of(request.headers), checked_on_existing(on_existing)
    result = await put(engine_of(request), number, vector, payload, condition, existing)
    told = {"id": number, "lsn": result.lsn, "result": result_of(result.counts)}
    return answer(told, result.lsn)


async def get_vector(request: AnyRequest, id: str) -> JsonResponse:
    """Dequantised: close to what was inserted, not equal to it."""
    number = checked_id(id, collection_of(request).engine.spec)
    format = checked_format(request.query_params.get("vector_format"))
    snapshot = await collection_of(request).reads.snapshot(wanted_lsn(request))
    record = fetch_one(snapshot, number, vector=True)
    told = {"id": number, "vector": None} if record.vector is None else row_answer(record, format)
    return answer_with_tag(told, snapshot.lsn)


async def delete_vector(request: AnyRequest, id: str) -> Response[None]:
    """Succeeds also when there is no such id."""
    ids = one_id(checked_id(id, collection_of(request).engine.spec))
    result = await engine_of(request).delete(ids, condition=condition_of(request.headers))
    return empty_answer(result.lsn)


async def get_payload(request: AnyRequest, id: str) -> JsonResponse:
    """The object as it was stored, ``{}`` if there is none."""
    number = checked_id(id, collection_of(request).engine.spec)
    snapshot = await collection_of(request).reads.snapshot(wanted_lsn(request))
    return answer_with_tag(fetch_one(snapshot, number, payload=True).payload or b"{}", snapshot.lsn)


async def set_payload(request: AnyRequest, id: str, body: RawBody) -> JsonResponse:
    """Explicit nulls are kept."""
    number, text = checked_id(id, collection_of(request).engine.spec), await _payload_of(request, body)
    condition = condition_of(request.headers)
    result = await engine_of(request).replace_payload(number, text, condition=condition)
    return answer({"id": number, "lsn": result.lsn}, result.lsn)


async def merge_payload(request: AnyRequest, id: str, body: RawBody) -> JsonResponse:
    """RFC 7396: objects merge, other values replace, null deletes."""
    number, text = checked_id(id, collection_of(request).engine.spec), await _payload_of(request, body)
    condition = condition_of(request.headers)
    result = await engine_of(request).merge_payload(number, text or b"{}", condition=condition)
    return answer({"id": number, "lsn": result.lsn}, result.lsn)


async def _payload_of(request: AnyRequest, body: bytes) -> bytes:
    """The body, which is a payload."""
    collection = collection_of(request)
    bytes_max = collection.engine.options.payload_bytes_max
    return await read(collection.reads, len(body), lambda: payload_of(body, bytes_max))
