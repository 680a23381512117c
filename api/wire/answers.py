"""The JSON of answers: structs, and how results become text in pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.memory.answers import AnswerRoom
from asteroid_cloud.api.wire.json_pieces import JsonPieces, Pieces
from asteroid_cloud.indexer import Id, WriteCounts
from asteroid_cloud.query import Record, ScrollPage, SearchResult

VectorAnswer = list[float] | bytes
"""Numbers, or bytes that are written as base64."""
VectorFormat = Literal["json", "base64"]
NUMBER_BYTES: dict[VectorFormat, int] = {"json": 26, "base64": 6}
"""What a number of a vector takes at most: a sign, 17 digits, a point, an exponent and a comma; or four
bytes as base64."""


HITS_AT_ONCE_MAX = 100
"""So many hits without columns are written at once: some kilobytes."""


class HitAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hit of a search."""

    id: Id
    distance: float | None = None
    score: float | None = None
    text_score: float | None = None
    payload: msgspec.Raw | None = None
    vector: VectorAnswer | None = None


class RowAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored record."""

    id: Id
    vector: VectorAnswer | None = None
    payload: msgspec.Raw | None = None


def batch_told(counts: WriteCounts, lsn: int) -> dict[str, object]:
    """The answer to a batch."""
    return {
        "inserted": counts.inserted,
        "replaced": counts.replaced,
        "skipped": counts.skipped,
        "lsn": lsn,
    }


GONE = Record(0)
"""Stands for a record that is written, so that its payload and vector can go."""


def hit_answers(result: SearchResult, format: VectorFormat = "json") -> Iterator[HitAnswer]:
    """The hits of one search, one at a time."""
    payloads, vectors = result.payloads, result.vectors
    if payloads is None and vectors is None and result.scores is None:
        yield from map(HitAnswer, result.ids.tolist(), result.distances.tolist())
        return
    scores = None if result.scores is None else result.scores.tolist()
    text_scores = result.listed_text_scores
    for row, (id, distance) in enumerate(zip(result.ids.tolist(), result.listed_distances, strict=True)):
        vector = None if vectors is None else vectors[row]
        yield HitAnswer(
            id,
            distance,
            None if scores is None else scores[row],
            text_scores[row],
            None if payloads is None else msgspec.Raw(payloads[row]),
            None if vector is None else vector_answer(vector, format),
        )


def vector_answer(vector: NDArray[np.float32], format: VectorFormat) -> VectorAnswer:
    """A vector as its numbers, or as their bytes, little end first."""
    return vector.tolist() if format == "json" else vector.astype("<f4", copy=False).tobytes()


def row_answer(record: Record, format: VectorFormat = "json") -> RowAnswer:
    """A record of a fetch or a scroll."""
    return RowAnswer(
        record.id,
        None if record.vector is None else vector_answer(record.vector, format),
        None if record.payload is None else msgspec.Raw(record.payload),
    )


def search_pieces(result: SearchResult, room: AnswerRoom, format: VectorFormat = "json") -> Pieces:
    """The answer to one search; raises TooLarge ``answer_too_large``, Overloaded."""
    pieces = JsonPieces(room)
    _write_search(pieces, result, format)
    return pieces.finish()


def batch_pieces(
    results: list[SearchResult], room: AnswerRoom, formats: Sequence[VectorFormat] | None = None
) -> Pieces:
    """The answer to many searches, each with its format; raises as ``search_pieces``."""
    pieces = JsonPieces(room)
    pieces.text(b'{"results":[')
    for number, result in enumerate(results):
        pieces.text(b"," if number else b"")
        _write_search(pieces, result, formats[number] if formats else "json")
    pieces.text(b"]}")
    return pieces.finish()


def rows_pieces(records: list[Record], room: AnswerRoom, format: VectorFormat = "json") -> Pieces:
    """The answer to a fetch, whose records are let go of; raises as ``search_pieces``."""
    pieces = JsonPieces(room)
    pieces.text(b'{"vectors":')
    _write_rows(pieces, records, format)
    pieces.text(b"}")
    return pieces.finish()


def page_pieces(page: ScrollPage, room: AnswerRoom, format: VectorFormat = "json") -> Pieces:
    """The answer to a scroll, whose records are let go of; raises as ``search_pieces``."""
    pieces = JsonPieces(room)
    pieces.text(b'{"vectors":')
    _write_rows(pieces, page.records, format)
    pieces.text(b',"cursor":' + msgspec.json.encode(page.cursor) + b"}")
    return pieces.finish()


def _write_search(pieces: JsonPieces, result: SearchResult, format: VectorFormat) -> None:
    payloads, hits = result.payloads, hit_answers(result, format)
    written = itertools.count()

    def done(_: int) -> None:
        row = next(written)
        if payloads is not None:
            payloads[row] = b""

    if result.groups is None:
        pieces.text(b'{"results":')
        if len(result) <= HITS_AT_ONCE_MAX and payloads is None and result.vectors is None:
            pieces.few(list(hits))
        else:
            pieces.items(hits, done)
    else:
        pieces.text(b'{"groups":[')
        for number, group in enumerate(result.groups):
            pieces.text(b',{"value":' if number else b'{"value":')
            pieces.text(msgspec.json.encode(group.value) + b',"hits":')
            pieces.items(itertools.islice(hits, group.stop - group.start), done)
            pieces.text(b"}")
        pieces.text(b"]")
    if result.explain is not None:
        pieces.text(b',"explain":' + msgspec.json.encode(result.explain))
    pieces.text(b"}")


def _write_rows(pieces: JsonPieces, records: list[Record], format: VectorFormat) -> None:
    def done(row: int) -> None:
        records[row] = GONE

    pieces.items((row_answer(record, format) for record in records), done)
