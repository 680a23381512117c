"""Exact answers by brute force, and how much of them a search found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

BLOCK_ROWS = 16_384
TIE_TOLERANCE = 1e-6
"""Relative: answers as near as this to the k-th best are as good as it."""
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Truth:
    """The k nearest of each query among the allowed rows."""

    ids: Ids
    """[queries, k], NOBODY where fewer rows are allowed."""
    allowed: NDArray[np.bool_] | None
    """The rows that match the filter; None when there is no filter."""


def nearest(
    base: NDArray[np.float32],
    queries: NDArray[np.float32],
    k: int,
    metric: str,
    allowed: NDArray[np.bool_] | None = None,
) -> Truth:
    """Compares every query with every allowed row, in float32, a block of rows at a time."""
    best_ids = np.full((len(queries), k), NOBODY, np.int64)
    best = np.full((len(queries), k), np.inf, np.float32)
    for start in range(0, len(base), BLOCK_ROWS):
        block = np.asarray(base[start : start + BLOCK_ROWS])
        ids = np.arange(start, start + len(block), dtype=np.int64)
        if allowed is not None:
            is_in = allowed[start : start + len(block)]
            block, ids = block[is_in], ids[is_in]
        distances = _block_distances(block, queries, metric)
        both = np.concatenate([best, distances], axis=1)
        both_ids = np.concatenate([best_ids, np.broadcast_to(ids, distances.shape)], axis=1)
        order = np.argpartition(both, k - 1, axis=1)[:, :k]
        best = np.take_along_axis(both, order, axis=1)
        best_ids = np.take_along_axis(both_ids, order, axis=1)
    order = np.argsort(best, axis=1, kind="stable")
    return Truth(np.take_along_axis(best_ids, order, axis=1), allowed)


def recall(
    truth: Truth,
    base: NDArray[np.float32],
    queries: NDArray[np.float32],
    found: list[list[int]],
    metric: str,
) -> float:
    """The mean share of the answers that are among the k nearest, ties with the k-th counted as found.

    ``found`` may cover only the first queries. A foreign id, one that the filter forbids or one that
    comes twice counts as nothing.
    """
    shares = []
    for place, ids in enumerate(found):
        exact = truth.ids[place][truth.ids[place] != NOBODY]
        if len(exact) == 0:
            shares.append(1.0 if not ids else 0.0)
            continue
        limit = _distances(base[exact], queries[place], metric).max()
        limit += TIE_TOLERANCE * max(1.0, abs(limit))
        valid = _valid(ids, len(base), truth.allowed)
        hits = np.count_nonzero(_distances(base[valid], queries[place], metric) <= limit)
        shares.append(min(int(hits), len(exact)) / len(exact))
    return float(np.mean(shares)) if shares else 0.0


def _valid(ids: list[int], rows: int, allowed: NDArray[np.bool_] | None) -> Ids:
    unique = np.array(sorted({id_ for id_ in ids if 0 <= id_ < rows}), np.int64)
    return unique if allowed is None else unique[allowed[unique]]


def _block_distances(
    block: NDArray[np.float32], queries: NDArray[np.float32], metric: str
) -> NDArray[np.float32]:
    """A number that orders rows as their distance does; for cosine both sides have length 1 already."""
    dots: NDArray[np.float32] = queries @ block.T
    if metric != "l2":
        return np.negative(dots, out=dots)
    squares = np.einsum("ij,ij->i", block, block)
    return np.asarray(squares - 2 * dots, np.float32)


def _distances(rows: NDArray[np.float32], query: NDArray[np.float32], metric: str) -> Floats:
    """Exact distances of a few rows, in float64, where equal rows give equal numbers."""
    rows64, query64 = rows.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        return np.asarray(np.sqrt(np.square(rows64 - query64).sum(axis=1)))
    return np.asarray((metric == "cosine") - (rows64 * query64).sum(axis=1))
