"""Rows without a vector among those of a write: which they are, and where the vectors of the others lie.

Only rows that have a vector take a place in an array of vectors, so that the others cost nothing.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.errors import no_vector_given
from asteroid_cloud.indexer.model.spec import IndexSpec

Value = TypeVar("Value", bound=np.generic)
Bare = NDArray[np.bool_] | None
"""Which rows have no vector; None: all have one."""


def bare_flags(bits: bytes, rows: int) -> Bare:
    """The same of the bits of an event; rows that they do not reach have a vector."""
    if not bits:
        return None
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=rows, bitorder="little").view(np.bool_)


def checked_flags(spec: IndexSpec, bits: bytes, rows: int) -> Bare:
    """The same; raises InvalidRequest ``bad_vector`` where rows need one, or for bits that do not fit."""
    if bits and (spec.needs_vectors or len(bits) != (rows + 7) // 8):
        raise no_vector_given()
    return bare_flags(bits, rows)


def bare_bits(bare: Bare) -> bytes:
    """The bits of an event; none where all rows have a vector."""
    if bare is None or not bare.any():
        return b""
    return np.packbits(bare, bitorder="little").tobytes()


def with_vectors(rows: int, bare: Bare) -> int:
    """How many of the rows have a vector."""
    return rows if bare is None else rows - int(np.count_nonzero(bare))


def places_of(rows: int, bare: Bare) -> NDArray[np.int64]:
    """Where the vector of each row lies among those that there are; of a bare row nothing that counts."""
    return np.arange(rows) if bare is None else np.cumsum(~bare) - 1


def chosen(vectors: NDArray[Value], bare: Bare, rows: NDArray[np.int64]) -> tuple[NDArray[Value], Bare]:
    """The vectors of some rows, in their order, and which of these rows have none."""
    if bare is None:
        return vectors[rows], None
    kept = bare[rows]
    return vectors[places_of(len(bare), bare)[rows[~kept]]], kept
