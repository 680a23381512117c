"""The JSON of answers: structs, and how results become them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from asteroid_cloud.query import Explain, Record, SearchResult


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
