"""The changes of a feed as lines of JSON."""

from __future__ import annotations

import msgspec

from asteroid_cloud.api.wire.answers import VectorAnswer, VectorFormat, vector_answer
from asteroid_cloud.indexer import Change


class ChangeLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change on the wire."""

    lsn: int
    kind: str
    time_ms: int
    ids: list[int] | None = None
    payloads: list[msgspec.Raw | None] | None = None
    vectors: list[VectorAnswer] | None = None
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
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
            vectors=None if vectors is None else [vector_answer(vector, format) for vector in vectors],
            dim=change.dim,
            metric=change.metric,
            bits=change.bits,
            rows=change.rows,
            more=change.more,
        )
    )
