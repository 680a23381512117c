"""True distances in double precision, and how good an answer is beside them.

A hit counts by its distance: it is right when it is as near as the true k-th neighbour, whichever row it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ops.bench.shapes.makers import Vectors

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.uint64]
Places = NDArray[np.intp]

TIE = 1e-6
"""Relative difference of two distances that counts as none."""
NOTHING = 1e-15
"""Distances that are so small beside the largest are 0 but for the rounding of doubles."""
BLOCK_NUMBERS = 2**15
CODES = 255 * 256
"""Steps from the least to the largest value of a stored vector."""


def distances(queries: Vectors, base: Vectors, metric: str) -> Doubles:
    """[queries, rows]: l2, 1 − cos, or the negated product. Differences are squared, so nothing cancels."""
    asked, rows = queries.astype(np.float64), base.astype(np.float64)
    if metric == "ip":
        return -(asked @ rows.T)
    if metric == "l2":
        return np.sqrt(_squared(asked, rows))
    halved = _squared(_unit(asked), _unit(rows)) / 2
    halved[~asked.any(axis=1)] = 1  # as the contract has it for a zero vector
    halved[:, ~rows.any(axis=1)] = 1
    return halved


def _squared(asked: Doubles, rows: Doubles) -> Doubles:
    out = np.empty((len(asked), len(rows)))
    step = max(1, BLOCK_NUMBERS // rows.shape[1])
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        for number, query in enumerate(asked):
            difference = some - query
            out[number, first : first + step] = np.einsum("ij,ij->i", difference, difference)
    return out


def _unit(rows: Doubles) -> Doubles:
    largest = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(largest > 0, largest, 1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


class Truth:
    """The true distances from some queries to some rows, and what rounding may do to them."""

    def __init__(self, queries: Vectors, base: Vectors, metric: str) -> None:
        self.metric = metric
        self.distances = distances(queries, base, metric)
        self._query_norms: Doubles = np.linalg.norm(queries.astype(np.float64), axis=1)
        self._row_norms: Doubles = np.linalg.norm(base.astype(np.float64), axis=1)
        self._step_errors = _step_errors(base)

    def tie(self, query: int, rows: Places, border: float) -> Doubles:
        """How much farther than ``border`` rows may be that count as equally far."""
        if self.metric == "ip":  # what cancels in a product may be much larger than what is left
            return np.asarray(TIE * self._query_norms[query] * self._row_norms[rows])
        return np.full(len(rows), max(TIE * abs(border), NOTHING * self.distances[query].max()))

    def rounding(self, query: int, rows: Places) -> Doubles:
        """How far the distance of a stored row may be from that of the true one."""
        moved = self._step_errors[rows]
        if self.metric == "l2":
            return moved
        if self.metric == "ip":
            return np.asarray(moved * self._query_norms[query])
        norms = self._row_norms[rows]
        turned = 2 * np.divide(moved, norms, out=np.zeros_like(moved), where=norms > 0)
        chord = np.sqrt(2 * np.maximum(self.distances[query, rows], 0))
        return np.asarray(np.square(chord + turned) / 2 - np.square(chord) / 2)


class Neighbours:
    """The true neighbours of some queries among the rows that are allowed."""

    def __init__(self, truth: Truth, asked: Places, allowed: Flags, k_max: int) -> None:
        self._truth = truth
        self._asked = asked
        self._allowed = allowed
        self._rows = np.empty((len(asked), min(k_max, int(allowed.sum()))), np.intp)
        """Of each query that is asked, the nearest first."""
        inside = np.flatnonzero(allowed)
        for place, query in enumerate(asked.tolist()):
            own = truth.distances[query, inside]
            near = np.argpartition(own, self._rows.shape[1] - 1)[: self._rows.shape[1]]
            self._rows[place] = inside[near[np.argsort(own[near])]]

    def recalls(self, found: Sequence[Ids], k: int) -> Doubles:
        """For each query the share of its k nearest that were found."""
        truth, k = self._truth, min(k, self._rows.shape[1])
        out = np.empty(len(self._asked))
        for place, (query, ids) in enumerate(zip(self._asked.tolist(), found, strict=True)):
            border = float(truth.distances[query, self._rows[place, k - 1]])
            hits = np.unique(ids.astype(np.intp))
            hits = hits[self._allowed[hits]]
            near = truth.distances[query, hits] <= border + truth.tie(query, hits, border)
            out[place] = min(np.count_nonzero(near) / k, 1)
        return out

    def excess(self, found: Sequence[Ids], k: int) -> float:
        """By how much hits are farther than the true neighbours of their rank, at the worst.

        In units of what rounding to stored steps can explain: up to 1 an answer is exact.
        """
        truth, k = self._truth, min(k, self._rows.shape[1])
        worst = 0.0
        for place, (query, ids) in enumerate(zip(self._asked.tolist(), found, strict=True)):
            hits, true = ids.astype(np.intp)[:k], self._rows[place, :k]
            if len(np.unique(hits)) < k or not self._allowed[hits].all():
                return math.inf
            wanted = truth.distances[query, true]
            gap = float((np.sort(truth.distances[query, hits]) - wanted).max())
            explained = truth.rounding(query, true).max() + truth.rounding(query, hits).max()
            explained += truth.tie(query, hits, float(wanted[-1])).max()
            if gap > 0:
                worst = max(worst, gap / explained if explained > 0 else math.inf)
        return worst


def _step_errors(base: Vectors) -> Doubles:
    """How far rows may be from what is stored of them: half a step in each dimension."""
    rows = base.astype(np.float64)
    steps = (rows.max(axis=1) - rows.min(axis=1)) / CODES
    rounding = np.abs(rows).max(axis=1) * np.finfo(np.float32).eps
    return np.asarray((steps / 2 + rounding) * np.sqrt(rows.shape[1]))
