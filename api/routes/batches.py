"""The routes of many vectors: insert, fetch, delete, merge, and scroll through all."""

from __future__ import annotations

from dataclasses import replace

from litestar.params import RawBody
from litestar.types import ASGIApp

from asteroid_cloud.api.limits import DELETE_IDS_MAX, FETCH_IDS_MAX, PAGE_BYTES_MAX, PATCH_IDS_MAX
from asteroid_cloud.api.routes.reading_bodies import read, read_filter, read_payload
from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    PiecesAnswer,
    answer,
    collection_of,
    engine_of,
    match_of,
    room_of,
    until_gone,
    wanted_lsn,
)
from asteroid_cloud.api.service.checks import checked_columns
from asteroid_cloud.api.service.collections import DEFAULT
from asteroid_cloud.api.service.ids import checked_ids
from asteroid_cloud.api.service.write_by_filter import delete_matching, merge_ids, merge_matching
from asteroid_cloud.api.service.writes import put_batch
from asteroid_cloud.api.wire.answers import NUMBER_BYTES, batch_told, page_pieces, rows_pieces
from asteroid_cloud.api.wire.batches import read_batch
from asteroid_cloud.api.wire.collections.cursors import marked, unmarked
from asteroid_cloud.api.wire.requests import (
    DELETE,
    FETCH,
    PATCH,
    SCROLL,
    DeleteBody,
    FetchBody,
    check_count,
    decode,
)
from asteroid_cloud.api.wire.values.read import checked_format
from asteroid_cloud.indexer import Ids
from asteroid_cloud.query import order_by
from asteroid_cloud.wal.errors import InvalidRequest


async def insert_batch(request: AnyRequest, body: RawBody) -> JsonResponse:
    """All of them or none, in order: each item meets what those before it have written."""
    collection = collection_of(request)
    spec, bytes_max = collection.engine.snapshot().spec, collection.engine.options.payload_bytes_max
    batch = await read(collection.reads, len(body), lambda: read_batch(body, spec, bytes_max))
    result = await put_batch(engine_of(request), batch)
    return answer(batch_told(result.counts, result.lsn), result.lsn)


async def fetch_vectors(request: AnyRequest, body: RawBody) -> ASGIApp:
    """Those of the ids that exist, in the order asked."""
    reads = collection_of(request).reads

    def read_body() -> tuple[FetchBody, Ids]:
        check_count(body, "ids", FETCH_IDS_MAX, "ids")
        asked = decode(FETCH, body)
        return asked, checked_ids(asked.ids, reads.spec, FETCH_IDS_MAX)

    asked, ids = await read(reads, len(body), read_body)
    wanted, format = checked_columns(asked.include, asked.fields), checked_format(asked.vector_format)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    room = room_of(request, "send fewer ids, or leave out of include what is not needed")
    records = await reads.fetch(snapshot, ids, wanted, room.take)
    return PiecesAnswer(await reads.in_thread(lambda: rows_pieces(records, room, format)), snapshot.lsn)


async def delete_vectors(request: AnyRequest, body: RawBody) -> JsonResponse:
    """Those with the ids given, or all that match a filter."""
    collection = collection_of(request)
    engine, reads = engine_of(request), collection.reads

    def read_body() -> tuple[DeleteBody, Ids]:
        check_count(body, "ids", DELETE_IDS_MAX, "ids")
        asked = decode(DELETE, body)
        if (asked.ids is None) == (not bytes(asked.filter)):
            raise InvalidRequest("give either ids or a filter")
        return asked, checked_ids(() if asked.ids is None else asked.ids, reads.spec, DELETE_IDS_MAX)

    asked, ids = await read(reads, len(body), read_body)
    if asked.ids is not None:
        result = await engine.delete(ids)
    else:
        with until_gone(request):
            result = await delete_matching(engine, reads, await read_filter(reads, asked.filter))
    return answer({"deleted": result.affected, "lsn": result.lsn}, result.lsn)


async def patch_vectors(request: AnyRequest, body: RawBody) -> JsonResponse:
    """RFC 7396, one patch for those with the ids given, or for all that match a filter."""
    check_count(body, "ids", PATCH_IDS_MAX, "ids")
    collection, engine = collection_of(request), engine_of(request)
    asked = await read(collection.reads, len(body), lambda: decode(PATCH, body))
    if (asked.ids is None) == (not bytes(asked.filter)):
        raise InvalidRequest("give either ids or a filter")
    patch = await read_payload(collection, asked.patch) or b"{}"
    if asked.ids is not None:
        ids = checked_ids(asked.ids, collection.reads.spec, PATCH_IDS_MAX)
        result = await merge_ids(engine, collection.reads, ids, patch)
    else:
        filter = await read_filter(collection.reads, asked.filter)
        with until_gone(request):
            result = await merge_matching(engine, collection.reads, filter, patch)
    return answer({"patched": result.affected, "lsn": result.lsn}, result.lsn)


async def scroll_vectors(request: AnyRequest, body: RawBody) -> ASGIApp:
    """One page; its cursor asks for the next. A page of large rows ends before ``limit``."""
    reads = collection_of(request).reads
    asked = await read(reads, len(body), lambda: decode(SCROLL, body))
    filter, format = await read_filter(reads, asked.filter), checked_format(asked.vector_format)
    wanted = checked_columns(asked.include, asked.fields)
    if isinstance(asked.limit, bool) or not isinstance(asked.limit, int):
        raise InvalidRequest("limit must be an integer", code="bad_limit")
    if asked.cursor is not None and not isinstance(asked.cursor, str):
        raise InvalidRequest("a cursor is a string", code="bad_cursor")
    order = order_by(asked.order_by)
    snapshot = await reads.snapshot(wanted_lsn(request, asked.min_lsn))
    room = room_of(request, "lower limit")
    page = await reads.scroll(
        snapshot,
        filter,
        asked.limit,
        _own_cursor(request, asked.cursor),
        wanted,
        order=order,
        number_bytes=NUMBER_BYTES[format],
        bytes_max=PAGE_BYTES_MAX,
        take=room.take,
    )
    if page.cursor is not None and match_of(request).route.is_named:
        page = replace(page, cursor=marked(page.cursor, _store_of(request)))
    return PiecesAnswer(await reads.in_thread(lambda: page_pieces(page, room, format)), page.lsn)


def _own_cursor(request: AnyRequest, cursor: str | None) -> str | None:
    """The cursor as the collection gave it; raises Conflict ``other_history`` for one of another."""
    if cursor is None:
        return None
    return unmarked(cursor, _store_of(request), needs_mark=collection_of(request).name != DEFAULT)


def _store_of(request: AnyRequest) -> str:
    return collection_of(request).engine.name
