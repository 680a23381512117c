"""Answers: structs and their JSON, the LSN header, and what a request says that is not in its body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from litestar import Request, Response
from litestar.enums import MediaType

from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.service.checks import checked_lsn
from asteroid_cloud.query import Explain, Record, SearchResult
from asteroid_cloud.wal.errors import InvalidRequest

LSN_HEADER = "X-Asteroid-LSN"
MIN_LSN_HEADER = "X-Asteroid-Min-LSN"
ETAG = "ETag"

JsonResponse = Response[bytes]
AnyRequest = Request[Any, Any, Any]


class HitAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hit of a search."""

    id: int
    distance: float
    payload: msgspec.Raw | None = None
    vector: list[float] | None = None


class SearchAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one search."""

    results: list[HitAnswer]
    explain: Explain | None = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answer to many searches."""

    results: list[SearchAnswer]


class RowAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored record."""

    id: int
    vector: list[float] | None = None
    payload: msgspec.Raw | None = None


class RowsAnswer(msgspec.Struct, frozen=True):
    """The answer to a fetch."""

    vectors: list[RowAnswer]


class PageAnswer(msgspec.Struct, frozen=True):
    """One page of a scroll; the cursor is null after the last."""

    vectors: list[RowAnswer]
    cursor: str | None


def answer(body: object, lsn: int, status: int = 200) -> JsonResponse:
    """A JSON answer, from bytes as they are or from anything that msgspec encodes."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, status_code=status, media_type=MediaType.JSON, headers={LSN_HEADER: str(lsn)})


def tagged(body: object, lsn: int) -> JsonResponse:
    """An answer about one id; its ETag is for the If-Match of a write that depends on it."""
    told = answer(body, lsn)
    told.headers[ETAG] = f'"{lsn}"'
    return told


def search_answer(result: SearchResult) -> SearchAnswer:
    """The hits of one search."""
    distances = result.distances
    if not np.isfinite(distances).all():  # beyond float32, which JSON has no word for
        distances = np.nan_to_num(distances)
    pairs = zip(result.ids.tolist(), distances.tolist(), strict=True)
    payloads, vectors = result.payloads, result.vectors
    if payloads is None and vectors is None:
        return SearchAnswer([HitAnswer(id, distance) for id, distance in pairs], result.explain)
    hits = [
        HitAnswer(
            id,
            distance,
            None if payloads is None else msgspec.Raw(payloads[row]),
            None if vectors is None else vectors[row].tolist(),
        )
        for row, (id, distance) in enumerate(pairs)
    ]
    return SearchAnswer(hits, result.explain)


def row_answers(records: Iterable[Record]) -> list[RowAnswer]:
    """Records of a fetch or a scroll."""
    return [
        RowAnswer(
            record.id,
            None if record.vector is None else record.vector.tolist(),
            None if record.payload is None else msgspec.Raw(record.payload),
        )
        for record in records
    ]


def store_of(request: AnyRequest) -> Store:
    """The store that the application serves."""
    store: Store = request.app.state.store
    return store


def wanted_lsn(request: AnyRequest, field: object = None) -> int:
    """The LSN that a read must cover, from the header or the body's field; the greater of both."""
    text = request.headers.get(MIN_LSN_HEADER)
    if text is None:
        return checked_lsn(field)
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise InvalidRequest(f"{MIN_LSN_HEADER} must be an integer, not {text!r:.80}", code="bad_min_lsn")
    return max(checked_lsn(field), checked_lsn(int(text)))
