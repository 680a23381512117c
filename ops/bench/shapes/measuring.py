"""Recall by distance: a hit counts when it is as near as the true k-th neighbour, whichever row it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Engine
from asteroid_cloud.query import FilterCache, SearchRequest, parse_filter, search
from ops.bench.shapes.data import Vectors
from ops.bench.shapes.states import payloads_of

Doubles = NDArray[np.float64]
TIE = 1e-6
"""Relative difference of two distances that counts as none."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """A filter, and which rows it lets through."""

    name: str
    text: dict[str, object] | None
    field: str = ""
    low: int = 0
    high: int = 1000

    def allows(self, base: Vectors) -> NDArray[np.bool_]:
        """One flag a row."""
        if not self.field:
            return np.ones(len(base), bool)
        values = np.array([payload[self.field] for payload in payloads_of(base)])
        return (values >= self.low) & (values < self.high)


def between(name: str, field: str, low: int, high: int) -> Filtered:
    """Rows whose field lies in low … high − 1."""
    return Filtered(name, {field: {"$gte": low, "$lt": high}}, field, low, high)


EVERYTHING = Filtered("all", None)
FILTERS = (
    EVERYTHING,
    between("30%", "r", 0, 300),
    between("3%", "r", 0, 30),
    between("clustered fifth", "c", 800, 1000),
)


def distances(queries: Vectors, base: Vectors, metric: str) -> Doubles:
    """Float64 [queries, rows]: l2, 1 − cos, or the negated product, without cancellation."""
    q, x = queries.astype(np.float64), base.astype(np.float64)
    if metric == "ip":
        return -(q @ x.T)
    if metric == "cosine":
        q, x = _unit(q), _unit(x)
    out = np.empty((len(q), len(x)))
    for row, query in enumerate(q):
        np.sqrt(np.square(x - query).sum(axis=1), out=out[row])
    return np.square(out) / 2 if metric == "cosine" else out


def _unit(rows: Doubles) -> Doubles:
    largest = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(largest > 0, largest, 1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


class Truth:
    """The exact distances from some queries to some rows, and how good an answer is beside them."""

    def __init__(self, queries: Vectors, base: Vectors, metric: str, alive: NDArray[np.bool_]) -> None:
        self.queries = queries
        self._all = distances(queries, base, metric)
        self._alive = alive

    def kth(self, k: int, allowed: NDArray[np.bool_]) -> Doubles:
        """For each query the distance of its k-th nearest row that is alive and allowed."""
        inside = self._all[:, self._alive & allowed]
        k = min(k, inside.shape[1])
        return np.partition(inside, k - 1, axis=1)[:, k - 1]

    def recall(self, row: int, ids: NDArray[np.uint64], kth: Doubles, k: int) -> float:
        """The share of ``k`` that are as near as the true k-th neighbour of query ``row``."""
        found = self._all[row, ids.astype(np.int64)]
        scale = max(abs(kth[row]), np.abs(self._all[row]).max() * 1e-9, 1e-300)
        return float((found <= kth[row] + TIE * scale).sum()) / k


def recalls(
    engine: Engine, truth: Truth, filtered: Filtered, allowed: NDArray[np.bool_], k: int, ef: int, exact: bool
) -> Iterator[float]:
    """The recall of each query."""
    snapshot = engine.snapshot()
    matches = int((allowed & truth._alive).sum())
    k = min(k, matches)
    kth, masks = truth.kth(k, allowed), FilterCache()
    options = {} if filtered.text is None else {"filter": parse_filter(filtered.text)}
    for row, query in enumerate(truth.queries):
        request = SearchRequest(vector=query, k=k, ef_search=ef, exact=exact, **options)
        yield truth.recall(row, search(snapshot, request, masks).ids, kth, k)
