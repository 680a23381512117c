"""Distances are right for all finite float32: beside those of float64, whatever the size of the numbers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from asteroid_cloud.indexer import IndexSpec, checked_spec
from asteroid_cloud.indexer.native import core

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

DIM, ROWS, K = 12, 60, 5
SIZES = [3e38, 1e30, 1e20, 1e17, 1.0, 1e-10, 1e-19, 1e-25, 1e-38, 1e-42]
METRICS = ["l2", "cosine", "ip"]


def drawn(rows: int, size: float, seed: int) -> Floats:
    """Values of both signs up to ``size``."""
    random = np.random.default_rng(seed)
    return (random.uniform(-1, 1, (rows, DIM)) * size).astype(np.float32)


def stored(spec: IndexSpec, vectors: Floats) -> core.Rows:
    """The rows as a memtable keeps them."""
    rows = core.Rows(DIM, spec.native_metric, spec.has_fine, len(vectors), spec.outliers)
    rows.append(np.arange(len(vectors), dtype=np.uint64), spec.encode(vectors))
    return rows


def true_distances(metric: str, query: Floats, rows: Floats) -> Doubles:
    """In doubles, whose range squares of floats do not leave."""
    q, x = query.astype(np.float64), rows.astype(np.float64)
    if metric == "l2":
        return np.asarray(np.sqrt(((x - q) ** 2).sum(axis=1)))
    if metric == "ip":
        return np.asarray(-(x @ q))
    lengths = np.sqrt((x**2).sum(axis=1)) * np.sqrt((q**2).sum())
    return np.asarray(1 - np.divide(x @ q, lengths, out=np.zeros(len(x)), where=lengths > 0))


def check(metric: str, vectors: Floats, query: Floats) -> None:
    """Usual and exact searches give the nearest of the stored rows, at their distances."""
    spec = checked_spec(DIM, metric)
    rows = stored(spec, vectors)
    kept = rows.vectors(np.arange(len(vectors), dtype=np.uint32))
    true = true_distances(metric, query, kept)
    right = np.sort(true)[:K]
    scale = np.abs(true).max()
    for exact in (True, False):
        plans = core.PartPlans([(rows, rows.rows, None, rows.rows, True)])
        ids, distances, *_ = core.search(plans, query[None], K, 32, exact, 1)
        assert np.isfinite(distances).all()
        close = np.abs(right) * 1e-5 + (scale * 1e-6 if metric != "l2" else 0)
        assert (np.abs(distances[0] - right) <= close).all(), (exact, distances[0], right)
        assert (np.abs(true[ids[0].astype(np.int64)] - right) <= close).all(), exact


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("size", "of_query"), list(product(SIZES, SIZES)))
def test_distances_are_right_for_numbers_of_any_size(metric: str, size: float, of_query: float) -> None:
    check(metric, drawn(ROWS, size, 1), drawn(1, of_query, 2)[0])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("of_query", SIZES)
def test_distances_are_right_where_rows_are_of_all_sizes(metric: str, of_query: float) -> None:
    rows = np.vstack([drawn(ROWS // 10, size, number) for number, size in enumerate(SIZES)])
    rows = np.vstack([rows, np.zeros((1, DIM), np.float32)])
    check(metric, rows, drawn(1, of_query, 99)[0])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", SIZES)
def test_vectors_are_given_back_within_a_step(size: float, metric: str, bits: int) -> None:
    vectors = drawn(ROWS, size, 3)
    kept = stored(checked_spec(DIM, metric, bits), vectors).vectors(np.arange(ROWS, dtype=np.uint32))
    wide = vectors.astype(np.float64)
    step = np.ptp(wide, axis=1, keepdims=True) / 255 / (1 if bits == 8 else 128)
    least = np.finfo(np.float32).smallest_subnormal
    assert (np.abs(kept - wide) <= 0.51 * step + np.abs(wide) * 1e-6 + 2 * least).all()


def test_a_distance_beyond_float32_is_a_larger_number() -> None:
    rows = stored(checked_spec(DIM, "l2"), np.full((1, DIM), 3e38, np.float32))
    plans = core.PartPlans([(rows, 1, None, 1, True)])
    query = np.full((1, DIM), -3e38, np.float32)
    _, distances, *_ = core.search(plans, query, 1, 1, False, 1)
    assert distances[0, 0] == pytest.approx(6e38 * DIM**0.5, rel=1e-6)
