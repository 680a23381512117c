"""Rows in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.client.bulk.rows import PIECE_BYTES, WIRE, wire_bytes
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.encoding import Vector, float32_array


@dataclass
class ArrayRows:
    """Vectors in memory: an array of any number type, or a sequence of rows."""

    vectors: NDArray[Any] | Sequence[Vector]
    rows: int
    dim: int

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Slices of the array itself where it has the wire's layout, else of converted rows."""
        step = max(1, PIECE_BYTES // (WIRE.itemsize * self.dim))
        for first in range(0, self.rows, step):
            part = float32_array(self.vectors[first : first + step], 2, f"vectors from row {first}")
            if part.shape[1] != self.dim:
                raise InvalidRequest(f"row {first} is not {self.dim} numbers long", code="wrong_dim")
            yield wire_bytes(part)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        """The same: converting one piece takes less time than a thread hop is worth."""
        yield in_turn(self.pieces())


def array_rows(vectors: NDArray[Any] | Sequence[Vector]) -> ArrayRows:
    """Vectors in memory; each row's length is checked before anything is sent."""
    if isinstance(vectors, np.ndarray):
        if vectors.ndim != 2:
            raise InvalidRequest(f"vectors must be (n, dim), got shape {vectors.shape}", code="bad_vector")
        return ArrayRows(vectors, *vectors.shape)
    rows = vectors if isinstance(vectors, list | tuple) else list(vectors)
    dim = len(rows[0]) if rows else 0
    wrong = next((place for place, row in enumerate(rows) if len(row) != dim), None)
    if wrong is not None:
        raise InvalidRequest(f"row {wrong} has {len(rows[wrong])} numbers, row 0 has {dim}", code="wrong_dim")
    return ArrayRows(rows, len(rows), dim)


async def in_turn(pieces: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    """The same pieces, for those who await them."""
    for piece in pieces:
        yield piece
