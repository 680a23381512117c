"""How vectors of each kind are drawn, from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ops import sample

Vectors = NDArray[np.float32]
Maker = Callable[[int, np.random.Generator], Vectors]


def gaussian(dim: int, offset: float = 0.0, scale: float = 1.0) -> Maker:
    """Independent normal values around one offset."""
    return lambda n, rng: (rng.normal(size=(n, dim)) * scale + offset).astype(np.float32)


def clusters(dim: int, size: int, *, spread: float = 0.02, is_in_order: bool = False) -> Maker:
    """Well separated clusters of about ``size`` rows, mixed or one after another."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        centres = rng.normal(size=(max(1, n // size), dim))
        cluster = rng.integers(len(centres), size=n)
        if is_in_order:
            cluster.sort()
        return (centres[cluster] + spread * rng.normal(size=(n, dim))).astype(np.float32)

    return make


def near_duplicates(dim: int, group: int, distance: float) -> Maker:
    """Unit vectors in groups whose members lie at about this cosine distance from each other."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        centres = rng.normal(size=(max(1, n // group), dim))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        noise = rng.normal(size=(n, dim)) * np.sqrt(distance / dim)
        rows = centres[rng.integers(len(centres), size=n)] + noise
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

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


def times_ascending(n: int, rng: np.random.Generator) -> Vectors:
    """The same, the oldest first."""
    return np.sort(times(n, rng), axis=0)


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


def column_of(value: float) -> Maker:
    """Gaussian, but for one column that always has this value."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        rows = rng.normal(size=(n, 32))
        rows[:, 11] = value
        return rows.astype(np.float32)

    return make


def times_and_texts(n: int, rng: np.random.Generator) -> Vectors:
    """Days as seconds since 1970, with many rows a day, beside directions."""
    directions = rng.normal(size=(n, 32))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    days = 1.7e9 + 86_400 * rng.integers(0, 20, size=(n, 1))
    return np.hstack([days, directions]).astype(np.float32)


def metres_and_features(n: int, rng: np.random.Generator) -> Vectors:
    """Positions in metres on a grid of few points, beside six features between 0 and 1."""
    places = np.array([3e5, 5e6]) + 100 * rng.integers(-3, 4, size=(n, 2))
    return np.hstack([places, rng.random((n, 6))]).astype(np.float32)


def mixed_scales(n: int, rng: np.random.Generator) -> Vectors:
    """Each column on a scale of its own, from a thousandth to a thousand; the large ones hold few values."""
    scales = np.logspace(-3, 3, 24)
    rows = rng.normal(size=(n, 24))
    rows[:, 20:] = rng.integers(1, 3, size=(n, 4))
    return (rows * scales).astype(np.float32)


def begins_otherwise(n: int, rng: np.random.Generator) -> Vectors:
    """Zero at first, then large in one column, and in the end in another."""
    rows = rng.normal(size=(n, 32))
    part = np.arange(n) * 20 // n
    rows[part == 0] = 0
    rows[part == 1, 5] += 2026
    rows[part > 1, 9] -= 1e5
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


def zeros(dim: int) -> Maker:
    """Nothing but zeros."""
    return lambda n, rng: np.zeros((n, dim), np.float32)


def some_zero(dim: int) -> Maker:
    """Gaussian; one row in ten is zero."""

    def make(n: int, rng: np.random.Generator) -> Vectors:
        rows = rng.normal(size=(n, dim)).astype(np.float32)
        rows[rng.random(n) < 0.1] = 0
        return rows

    return make


def outlier(n: int, rng: np.random.Generator) -> Vectors:
    """Gaussian, but for the first row, which is a million times as long."""
    rows = rng.normal(size=(n, 24)).astype(np.float32)
    rows[0] *= 1e6
    return rows


def to_the_limit(dim: int) -> Maker:
    """Values of any size and sign up to 3e38, near the largest that float32 has."""
    return lambda n, rng: rng.uniform(-3e38, 3e38, size=(n, dim)).astype(np.float32)


def words(n: int, rng: np.random.Generator) -> Vectors:
    """A stand-in for word vectors, of which none come with the sources.

    Topics of very different sizes around a common mean, few wide directions, lengths with a heavy tail.
    """
    width = (1 + np.arange(50)) ** -0.4
    topics = rng.standard_t(4, size=(max(8, n // 80), 50)) * width
    topic = (len(topics) * rng.random(n) ** 3).astype(np.int64)
    rows = 0.3 + topics[topic] + 0.6 * rng.normal(size=(n, 50)) * width
    length = np.exp(0.4 * np.clip(rng.standard_t(3, size=(n, 1)), -4, 4))
    return (rows * length).astype(np.float32)


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
