"""The body of a bulk build, produced in pieces.

The vectors go first; then, if there are payloads, one JSON array with an object or a null for each row.
Only one piece exists in memory at a time.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from asteroid_cloud.client.bulk.array_rows import array_rows
from asteroid_cloud.client.bulk.file_rows import file_rows
from asteroid_cloud.client.bulk.rows import WIRE, Rows
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.encoding import Vector, encode_id, encode_metadata, encode_object

TAIL_ROWS = 1000
BULK_TIMEOUT_S = 3600.0

Vectors = NDArray[Any] | Sequence[Vector] | str | os.PathLike[str]
Payloads = Sequence[Mapping[str, object] | None]


class NamedRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes behind the vectors for a row whose id is a string."""

    id: int | str
    metadata: msgspec.Raw | None = None


class BulkBody:
    """The vectors and the payloads after them, with their exact size in bytes."""

    def __init__(self, source: Rows, payloads: Payloads | None, ids: Sequence[str] | None = None) -> None:
        self.source = source
        self.payloads = payloads
        self.ids = ids
        # Encoded once to count and once to send: time instead of a second copy of all payloads.
        tail_bytes = sum(len(piece) for piece in self.tail())
        self.size_bytes = source.rows * source.dim * WIRE.itemsize + tail_bytes

    def tail(self) -> Iterator[bytes]:
        """The payloads as one JSON array; where there are ids, of objects that have both."""
        if self.ids is not None:
            yield from self._named_tail(self.ids)
            return
        if self.payloads is None:
            return
        for first in range(0, len(self.payloads), TAIL_ROWS):
            part = self.payloads[first : first + TAIL_ROWS]
            for place, payload in enumerate(part):
                if payload is not None and not isinstance(payload, Mapping):
                    raise InvalidRequest(f"payload {first + place} is not a mapping", code="bad_payload")
            text = bytes(encode_object(part, "bad_payload", f"payloads from {first}"))
            yield (b"[" if first == 0 else b",") + text[1:-1]
        yield b"]"

    def _named_tail(self, ids: Sequence[str]) -> Iterator[bytes]:
        for first in range(0, len(ids), TAIL_ROWS):
            some = ids[first : first + TAIL_ROWS]
            given = (self.payloads or [None] * len(ids))[first : first + TAIL_ROWS]
            rows = [
                NamedRow(encode_id(id), None if payload is None else encode_metadata(payload))
                for id, payload in zip(some, given, strict=True)
            ]
            text = msgspec.json.encode(rows)
            yield (b"[" if first == 0 else b",") + text[1:-1]
        yield b"]"

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Everything, read with blocking calls."""
        yield from self.source.pieces()
        yield from self.tail()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        """Everything, without blocking the event loop.

        The sender may lose interest in the middle, when the answer comes early: the file is closed
        here, not by an iterator that is never finished.
        """
        async with self.source.opened() as vectors:
            yield self.chained(vectors)

    async def chained(self, vectors: AsyncIterator[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
        """The vectors, then the payloads."""
        async for piece in vectors:
            yield piece
        for part in self.tail():
            yield part


def bulk_body(
    vectors: Vectors, dim: int | None, payloads: Payloads | None, ids: Sequence[str] | None = None
) -> BulkBody:
    """The body for these vectors; InvalidRequest when they, ``dim``, ``payloads`` and ``ids`` do not fit."""
    if isinstance(vectors, str | os.PathLike):
        source: Rows = file_rows(Path(vectors), dim)
    else:
        source = array_rows(vectors)
    if dim is not None and dim != source.dim:
        raise InvalidRequest(f"dim={dim}, but the vectors have {source.dim} numbers", code="wrong_dim")
    if source.rows == 0 or source.dim == 0:
        raise InvalidRequest("there are no vectors to build from", code="bad_payload")
    if payloads is not None:
        payloads = payloads if isinstance(payloads, list | tuple) else list(payloads)
        if len(payloads) != source.rows:
            raise InvalidRequest(f"{len(payloads)} payloads for {source.rows} vectors", code="bad_payload")
    if ids is not None:
        ids = ids if isinstance(ids, list | tuple) else list(ids)
        if len(ids) != source.rows:
            raise InvalidRequest(f"{len(ids)} ids for {source.rows} vectors", code="bad_payload")
    return BulkBody(source, payloads, ids)
