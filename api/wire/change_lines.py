"""The changes of a feed as lines of JSON."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.wire.answers import VectorAnswer, VectorFormat, vector_answer
from asteroid_cloud.indexer import Change


class ChangeLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change on the wire."""

    lsn: int
    kind: str
    time_ms: int
    ids: list[int] | list[str] | None = None
    payloads: list[msgspec.Raw | None] | None = None
    unset: list[list[str]] | None = None
    vectors: list[VectorAnswer | None] | None = None
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    id_kind: str | None = None
    vector: str | None = None
    rows: int | None = None
    more: bool = False


EMPTY = msgspec.Raw(b"{}")


def change_line(change: Change, format: VectorFormat = "json") -> bytes:
    """A change as one line of JSON, without the line's end."""
    texts, vectors = change.payloads, change.vectors
    payloads = None
    if texts is not None:
        payloads = [None if text is None else msgspec.Raw(text) if text else EMPTY for text in texts]
    return msgspec.json.encode(
        ChangeLine(
            lsn=change.lsn,
            kind=change.kind,
            time_ms=change.time_ms,
            ids=None if change.ids is None else change.ids.tolist(),
            payloads=payloads,
            unset=change.unset,
            vectors=None if vectors is None else _vectors_of(change, vectors, format),
            dim=change.dim,
            metric=change.metric,
            bits=change.bits,
            id_kind=change.id_kind,
            vector=change.vector,
            rows=change.rows,
            more=change.more,
        )
    )


def _vectors_of(
    change: Change, vectors: NDArray[np.float32], format: VectorFormat
) -> list[VectorAnswer | None]:
    """The vectors of its rows; None for a row that has none."""
    bare = [False] * len(vectors) if change.bare is None else change.bare.tolist()
    return [
        None if is_bare else vector_answer(vector, format)
        for vector, is_bare in zip(vectors, bare, strict=True)
    ]
