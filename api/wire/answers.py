"""The JSON of answers: structs, and how results become text in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from asteroid_cloud.api.service.memory.answers import AnswerRoom
from asteroid_cloud.api.wire.json_pieces import JsonPieces, Pieces
from asteroid_cloud.indexer import Id, WriteCounts
from asteroid_cloud.query import Record, ScrollPage, SearchResult


class HitAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hit of a search."""

    id: Id
    distance: float
    payload: msgspec.Raw | None = None
    vector: list[float] | None = None


class RowAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored record."""

    id: Id
    vector: list[float] | None = None
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


def hit_answers(result: SearchResult) -> Iterator[HitAnswer]:
    """The hits of one search, one at a time."""
    payloads, vectors = result.payloads, result.vectors
    for row, (id, distance) in enumerate(zip(result.ids.tolist(), result.distances.tolist(), strict=True)):
        yield HitAnswer(
            id,
            distance,
            None if payloads is None else msgspec.Raw(payloads[row]),
            None if vectors is None else vectors[row].tolist(),
        )


def row_answer(record: Record) -> RowAnswer:
    """A record of a fetch or a scroll."""
    return RowAnswer(
        record.id,
        None if record.vector is None else record.vector.tolist(),
        None if record.payload is None else msgspec.Raw(record.payload),
    )


def search_pieces(result: SearchResult, room: AnswerRoom) -> Pieces:
    """The answer to one search; raises TooLarge ``answer_too_large``, Overloaded."""
    pieces = JsonPieces(room)
    _write_search(pieces, result)
    return pieces.finish()


def batch_pieces(results: list[SearchResult], room: AnswerRoom) -> Pieces:
    """The answer to many searches; raises as ``search_pieces``."""
    pieces = JsonPieces(room)
    pieces.text(b'{"results":[')
    for number, result in enumerate(results):
        pieces.text(b"," if number else b"")
        _write_search(pieces, result)
    pieces.text(b"]}")
    return pieces.finish()


def rows_pieces(records: list[Record], room: AnswerRoom) -> Pieces:
    """The answer to a fetch, whose records are let go of; raises as ``search_pieces``."""
    pieces = JsonPieces(room)
    pieces.text(b'{"vectors":')
    _write_rows(pieces, records)
    pieces.text(b"}")
    return pieces.finish()


def page_pieces(page: ScrollPage, room: AnswerRoom) -> Pieces:
    """The answer to a scroll, whose records are let go of; raises as ``search_pieces``."""
    pieces = JsonPieces(room)
    pieces.text(b'{"vectors":')
    _write_rows(pieces, page.records)
    pieces.text(b',"cursor":' + msgspec.json.encode(page.cursor) + b"}")
    return pieces.finish()


def _write_search(pieces: JsonPieces, result: SearchResult) -> None:
    payloads = result.payloads

    def done(row: int) -> None:
        if payloads is not None:
            payloads[row] = b""

    pieces.text(b'{"results":')
    pieces.items(hit_answers(result), done)
    if result.explain is not None:
        pieces.text(b',"explain":' + msgspec.json.encode(result.explain))
    pieces.text(b"}")


def _write_rows(pieces: JsonPieces, records: list[Record]) -> None:
    def done(row: int) -> None:
        records[row] = GONE

    pieces.items(map(row_answer, records), done)
