"""The rows that steps write: which follows from a number, so that no two writes have one alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asteroid_cloud.indexer.model.ids import Id
from tests.promises.power.stored import DIM, Rows
from tests.support.engines import keys, vectors
from tests.support.names import NASTY

LARGE_BYTES = 70_000
"""More than what lies in a block with others."""
BARE_EVERY = 3
BULK_NAMES = [*NASTY, *(f"row {number}" for number in range(20))]
"""Ids of a bulk load into an index whose ids are strings, in this order."""


def drawn_rows(ids: Sequence[Id], draw: int, vector: str = "required", *, is_large: bool = False) -> Rows:
    """The rows of a draw; where a vector is "optional" every third has none."""
    text, rows = text_of(draw, is_large=is_large), vectors(len(ids), DIM, draw)
    return {
        id_: (b"" if vector == "optional" and (draw + number) % BARE_EVERY == 0 else row.tobytes(), text)
        for number, (id_, row) in enumerate(zip(ids, rows, strict=True))
    }


def columns(rows: Rows) -> dict[str, Any]:
    """Rows as the engine takes them."""
    return columns_of([*rows.items()])


def columns_of(items: Sequence[tuple[Id, tuple[bytes, bytes]]]) -> dict[str, Any]:
    """The same of items, of which several may have one id."""
    bare = np.array([not vector for _, (vector, _) in items], np.bool_)
    given = b"".join([vector for _, (vector, _) in items])
    return {
        "ids": keys([id_ for id_, _ in items]),
        "vectors": np.frombuffer(given, np.float32).reshape(-1, DIM),
        "payloads": [text for _, (_, text) in items],
        "bare": bare if bare.any() else None,
    }


def text_of(draw: int, *, is_large: bool = False) -> bytes:
    """The payload of a draw."""
    return b'{"draw":%d,"filler":"%s"}' % (draw, b"x" * LARGE_BYTES) if is_large else b'{"draw":%d}' % draw


def kind_of(ids: Sequence[Id]) -> str:
    """What the ids of an index are that holds these."""
    return "string" if any(isinstance(id_, str) for id_ in ids) else "integer"
