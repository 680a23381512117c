"""Data of many shapes, made from a seed; each with queries of its own kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ops import sample

Vectors = NDArray[np.float32]
Maker = Callable[[int, np.random.Generator], Vectors]

QUERIES = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of data, under one metric."""

    name: str
    metric: str
    make: Maker
    """Rows, float32 [n, dim]; queries are drawn as rows are, unless ``turn`` changes them."""
    turn: Callable[[Vectors], Vectors] = lambda queries: queries

    @property
    def title(self) -> str:
        """Name and metric."""
        return f"{self.name} ({self.metric})"

    def draw(self, rows: int, seed: int = 0) -> tuple[Vectors, Vectors]:
        """Base rows and QUERIES queries, which are not among the rows unless the shape is one of copies."""
        drawn = self.make(rows + QUERIES, np.random.default_rng(seed))
        order = np.random.default_rng(seed + 1).permutation(len(drawn))
        base, queries = drawn[np.sort(order[QUERIES:])], drawn[order[:QUERIES]]
        return np.ascontiguousarray(base, np.float32), np.ascontiguousarray(self.turn(queries), np.float32)


def gaussian(dim: int, offset: float = 0.0, scale: float = 1.0) -> Maker:
    """Independent normal values around one offset."""
    return lambda n, rng: (rng.normal(size=(n, dim)) * scale + offset).astype(np.float32)


def clusters(dim: int, size: int, spread: float = 0.02, scale: float = 1.0) -> Maker:
    """Well separated clusters of about ``size`` rows, in random order."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        centres = rng.normal(size=(max(1, n // size), dim)) * scale
        return (centres[rng.integers(len(centres), size=n)] + spread * rng.normal(size=(n, dim))).astype(
            np.float32
        )

    return make


def near_duplicates(dim: int, group: int, distance: float) -> Maker:
    """Unit vectors in groups whose members lie at about this cosine distance from each other."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        centres = rng.normal(size=(max(1, n // group), dim))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        noise = rng.normal(size=(n, dim)) * np.sqrt(distance / dim)
        rows = centres[rng.integers(len(centres), size=n)] + noise
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    return make


def copies(dim: int, each: int) -> Maker:
    """Few different vectors, many times each."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        different = rng.normal(size=(max(2, n // each), dim)).astype(np.float32)
        return different[rng.integers(len(different), size=n)]

    return make


def half_equal(dim: int) -> Maker:
    """Every second row is the same vector."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        rows = rng.normal(size=(n, dim)).astype(np.float32)
        rows[::2] = rows[0]
        return rows

    return make


def one_hot(dim: int) -> Maker:
    """A single 1 a row."""
    return lambda n, rng: np.eye(dim, dtype=np.float32)[rng.integers(dim, size=n)]


def binary(dim: int) -> Maker:
    """Zeros and ones."""
    return lambda n, rng: rng.integers(2, size=(n, dim)).astype(np.float32)


def town(n: int, rng: np.random.Generator) -> Vectors:
    """Latitude and longitude of places in one town."""
    return (np.array([48.137, 11.575]) + rng.normal(size=(n, 2)) * 0.05).astype(np.float32)


def metres(n: int, rng: np.random.Generator) -> Vectors:
    """Positions in metres of a map projection, within a few hundred metres."""
    return (np.array([3e5, 5e6]) + rng.uniform(-300, 300, size=(n, 2))).astype(np.float32)


def times(n: int, rng: np.random.Generator) -> Vectors:
    """Seconds since 1970 over some years, one dimension."""
    return rng.uniform(1.6e9, 1.75e9, size=(n, 1)).astype(np.float32)


def integers(n: int, rng: np.random.Generator) -> Vectors:
    """Whole numbers, one dimension."""
    return rng.integers(0, 1_000_000, size=(n, 1)).astype(np.float32)


def year_and_features(n: int, rng: np.random.Generator) -> Vectors:
    """A year beside fifteen features between 0 and 1."""
    return np.hstack([rng.integers(2020, 2027, size=(n, 1)), rng.random((n, 15))]).astype(np.float32)


def constant_column(n: int, rng: np.random.Generator) -> Vectors:
    """Gaussian, but for one column that is always 2026."""
    rows = rng.normal(size=(n, 32))
    rows[:, 7] = 2026
    return rows.astype(np.float32)


def large_column(n: int, rng: np.random.Generator) -> Vectors:
    """Gaussian, but for one column that varies a hundred times as much."""
    rows = rng.normal(size=(n, 32))
    rows[:, 3] *= 100
    return rows.astype(np.float32)


def skewed_norms(n: int, rng: np.random.Generator) -> Vectors:
    """Directions at random, lengths over three orders of magnitude."""
    return (rng.normal(size=(n, 48)) * np.exp(rng.normal(size=(n, 1)) * 1.2)).astype(np.float32)


def positive(n: int, rng: np.random.Generator) -> Vectors:
    """Values between 0 and 1 only."""
    return rng.random((n, 32)).astype(np.float32)


def extreme(scale: float) -> Maker:
    """Gaussian values of an extreme magnitude."""
    return lambda n, rng: (rng.normal(size=(n, 24)) * scale).astype(np.float32)


def texts(n: int, rng: np.random.Generator) -> Vectors:
    """Real sentence embeddings: the sample, and mixtures of pairs of it where that is too small."""
    rows = sample.vectors()
    if n > len(rows):
        a, b = rng.integers(len(rows), size=(2, n - len(rows)))
        share = rng.uniform(0.2, 0.8, size=(n - len(rows), 1))
        mixed = share * rows[a] + (1 - share) * rows[b]
        mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
        rows = np.vstack([rows, mixed])
    return np.asarray(rows[:n], np.float32)


def negated(queries: Vectors) -> Vectors:
    """The other way round."""
    return -queries


SHAPES = (
    Shape("gaussian 64", "l2", gaussian(64)),
    Shape("gaussian 64", "cosine", gaussian(64)),
    Shape("gaussian 64", "ip", gaussian(64)),
    Shape("gaussian 16", "l2", gaussian(16)),
    Shape("clusters of 30", "l2", clusters(32, 30)),
    Shape("clusters of 100", "l2", clusters(32, 100)),
    Shape("clusters of 1000", "l2", clusters(32, 1000)),
    Shape("clusters of 3000", "cosine", clusters(64, 3000)),
    Shape("clusters of 100", "cosine", clusters(64, 100)),
    Shape("near-duplicates 384, 200 at 1e-4", "cosine", near_duplicates(384, 200, 1e-4)),
    Shape("near-duplicates 128, 1000 at 1e-3", "cosine", near_duplicates(128, 1000, 1e-3)),
    Shape("near-duplicates 128, 200 at 1e-4", "l2", near_duplicates(128, 200, 1e-4)),
    Shape("copies, 250 each", "l2", copies(64, 250)),
    Shape("copies, 500 each", "cosine", copies(32, 500)),
    Shape("half of the rows equal", "l2", half_equal(24)),
    Shape("one-hot 64", "l2", one_hot(64)),
    Shape("one-hot 64", "cosine", one_hot(64)),
    Shape("binary 128", "l2", binary(128)),
    Shape("gaussian 128 + 1000", "l2", gaussian(128, 1000)),
    Shape("gaussian 128 + 10000", "l2", gaussian(128, 10000)),
    Shape("gaussian 64 + 10", "cosine", gaussian(64, 10)),
    Shape("places in a town", "l2", town),
    Shape("positions in metres", "l2", metres),
    Shape("times, one dimension", "l2", times),
    Shape("integers, one dimension", "l2", integers),
    Shape("a year and features", "l2", year_and_features),
    Shape("a constant column", "l2", constant_column),
    Shape("a large column", "l2", large_column),
    Shape("skewed norms", "l2", skewed_norms),
    Shape("skewed norms", "cosine", skewed_norms),
    Shape("skewed norms", "ip", skewed_norms),
    Shape("one dimension", "ip", gaussian(1)),
    Shape("mean 3", "ip", gaussian(32, 3)),
    Shape("positive, negated queries", "ip", positive, negated),
    Shape("1e18", "l2", extreme(1e18)),
    Shape("1e-18", "l2", extreme(1e-18)),
    Shape("1e20", "cosine", extreme(1e20)),
    Shape("1e-20", "cosine", extreme(1e-20)),
    Shape("texts", "cosine", texts),
    Shape("texts", "l2", texts),
    Shape("texts", "ip", texts),
)
