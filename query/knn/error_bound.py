"""How far the order of hits can be wrong, where the core does not say it itself.

A search chooses its candidates by the first byte of each value, which leaves a band of half a step on either
side: first bytes tell two vectors apart only when their distances differ by more than both can be wrong.
What is closer, the core measures exactly. Without a bound from the core, the answer here is twice the band of
the widest hit. That is more than the order is really wrong by; rows that were left out may be wider than all
hits, so it is an estimate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Hits, IndexSpec, PartView
from asteroid_cloud.query.records.records import Places, vectors_at

STEPS = 255
"""Steps from the least to the greatest value of a vector that one byte counts."""
HITS_AT_ONCE = 1_000
"""Vectors of hits that are read at a time."""

Vectors = NDArray[np.float32]
Lengths = NDArray[np.float64]


def error_bound_of(spec: IndexSpec, views: list[PartView], hits: Hits, row: int, query: Vectors) -> float:
    """The core's bound for one row of hits; where it gives none, the estimate from their widest."""
    if hits.error_bounds is not None:
        return float(hits.error_bounds[row])
    widest = 0.0
    for start in range(0, int(hits.found[row]), HITS_AT_ONCE):
        some = slice(start, min(start + HITS_AT_ONCE, int(hits.found[row])))
        places = Places(hits.parts[row, some], hits.ordinals[row, some])
        widest = max(widest, band(spec, query, vectors_at(views, places, spec.dim)))
    return 2 * widest


def band(spec: IndexSpec, query: Vectors, vectors: Vectors) -> float:
    """How far a distance by first bytes can be from the exact one, for the widest of some vectors.

    The query's own codes are wrong as well; a vector of 8 bits a value is what its codes say.
    """
    error, length = _error(query[None]), _length(query[None])
    errors, lengths = _error(vectors), _length(vectors)
    if not spec.has_fine:
        errors = np.zeros_like(errors)
    if spec.metric == "l2":
        return float(np.max(error + errors, initial=0.0))
    if spec.metric == "cosine":
        error, errors = _share(error, length), _share(errors, lengths)
        length, lengths = np.ones_like(error), np.ones_like(errors)
    return float(np.max(error * lengths + errors * length + error * errors, initial=0.0))


def _error(vectors: Vectors) -> Lengths:
    """The length of what first bytes can leave out of each vector: half a step in every dimension."""
    steps: Lengths = (vectors.max(axis=1).astype(np.float64) - vectors.min(axis=1)) / STEPS
    return steps * (math.sqrt(vectors.shape[1]) / 2)


def _length(vectors: Vectors) -> Lengths:
    lengths: Lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return lengths


def _share(errors: Lengths, lengths: Lengths) -> Lengths:
    """Errors of vectors made of unit length; a vector of zeros has no direction to be wrong."""
    return np.divide(errors, lengths, out=np.zeros_like(errors), where=lengths > 0)
