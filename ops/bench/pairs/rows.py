"""The data of all cases, the same in every process: drawn from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 10_000
"""Of the collection that is searched."""
BATCH = 500
QUERIES = 64
EF = 16
"""Of searches, so that most of a call is not the walk, which another benchmark measures."""
LATENT = 24


def vectors(rows: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors near a surface of LATENT dimensions, as embeddings are."""
    surface = np.random.default_rng(0).normal(size=(LATENT, dim))
    drawn = np.random.default_rng(seed).normal(size=(rows, LATENT)) @ surface
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def payload(id: int) -> dict[str, Any]:
    """About a hundred bytes of a usual shape."""
    return {"title": f"row number {id}", "year": 1900 + id % 125, "tags": ["a", "b"], "is_new": id % 3 == 0}


def items(dim: int, first: int, count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Rows of a batch, with payloads."""
    drawn = vectors(count, dim, seed)
    return [
        {"id": first + at, "vector": row.tolist(), "metadata": payload(first + at)}
        for at, row in enumerate(drawn)
    ]
