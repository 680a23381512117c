"""Data of many shapes, made from a seed; each with queries of its own kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ops.bench.shapes.makers import (
    Maker,
    Vectors,
    begins_otherwise,
    binary,
    clusters,
    column_of,
    constant_column,
    copies,
    extreme,
    gaussian,
    half_equal,
    integers,
    large_column,
    metres,
    metres_and_features,
    mixed_scales,
    near_duplicates,
    negated,
    one_hot,
    outlier,
    positive,
    skewed_norms,
    some_zero,
    texts,
    times,
    times_and_texts,
    times_ascending,
    to_the_limit,
    town,
    words,
    year_and_features,
    zeros,
)

QUERIES = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of data, under one metric."""

    name: str
    metric: str
    make: Maker
    """Rows, float32 [n, dim]; queries are drawn as rows are, unless ``turn`` changes them."""
    turn: Callable[[Vectors], Vectors] = lambda queries: queries
    stands_for_many: bool = False
    """Whether it is one of the few that are measured where that takes long."""

    @property
    def title(self) -> str:
        """Name and metric."""
        return f"{self.name} ({self.metric})"

    @property
    def dim(self) -> int:
        """Numbers a row."""
        return int(self.make(2, np.random.default_rng(0)).shape[1])

    def draw(self, rows: int, seed: int = 0) -> tuple[Vectors, Vectors]:
        """Base rows in the order in which they come, and QUERIES queries, which are not among the rows.

        The first row that is made stays in the base.
        """
        drawn = self.make(rows + QUERIES, np.random.default_rng(seed))
        order = 1 + np.random.default_rng(seed + 1).permutation(len(drawn) - 1)
        base, queries = np.delete(drawn, order[:QUERIES], axis=0), drawn[order[:QUERIES]]
        return np.ascontiguousarray(base, np.float32), np.ascontiguousarray(self.turn(queries), np.float32)


SHAPES = (
    Shape("gaussian 16", "l2", gaussian(16)),
    Shape("gaussian 64", "l2", gaussian(64)),
    Shape("gaussian 64", "cosine", gaussian(64), stands_for_many=True),
    Shape("gaussian 64", "ip", gaussian(64)),
    Shape("gaussian 4000", "cosine", gaussian(4000)),
    Shape("clusters of 30", "l2", clusters(32, 30)),
    Shape("clusters of 100", "l2", clusters(32, 100), stands_for_many=True),
    Shape("clusters of 100", "cosine", clusters(64, 100)),
    Shape("clusters of 100", "ip", clusters(32, 100)),
    Shape("clusters of 100 in turn", "l2", clusters(32, 100, is_in_order=True), stands_for_many=True),
    Shape("clusters of 1000", "l2", clusters(32, 1000)),
    Shape("clusters of 1000 in turn", "cosine", clusters(32, 1000, is_in_order=True)),
    Shape("clusters of 3000", "cosine", clusters(64, 3000)),
    Shape("near-duplicates 384, 200 at 1e-4", "cosine", near_duplicates(384, 200, 1e-4)),
    Shape("near-duplicates 128, 1000 at 1e-3", "cosine", near_duplicates(128, 1000, 1e-3)),
    Shape("near-duplicates 128, 200 at 1e-4", "l2", near_duplicates(128, 200, 1e-4), stands_for_many=True),
    Shape("near-duplicates 128, 200 at 1e-4", "ip", near_duplicates(128, 200, 1e-4)),
    Shape("copies, 250 each", "l2", copies(64, 250)),
    Shape("copies, 500 each", "cosine", copies(32, 500)),
    Shape("copies, 250 each", "ip", copies(64, 250)),
    Shape("half of the rows equal", "l2", half_equal(24)),
    Shape("one-hot 64", "l2", one_hot(64)),
    Shape("one-hot 64", "cosine", one_hot(64)),
    Shape("binary 128", "l2", binary(128)),
    Shape("binary 128", "cosine", binary(128)),
    Shape("all rows zero", "l2", zeros(16)),
    Shape("all rows zero", "cosine", zeros(16)),
    Shape("a tenth of the rows zero", "cosine", some_zero(32)),
    Shape("a tenth of the rows zero", "ip", some_zero(32)),
    Shape("gaussian 128 + 1000", "l2", gaussian(128, 1000)),
    Shape("gaussian 128 + 10000", "l2", gaussian(128, 10000)),
    Shape("gaussian 64 + 10", "cosine", gaussian(64, 10)),
    Shape("places in a town", "l2", town, stands_for_many=True),
    Shape("positions in metres", "l2", metres),
    Shape("times, one dimension", "l2", times),
    Shape("times, ascending", "l2", times_ascending),
    Shape("integers, one dimension", "l2", integers),
    Shape("a year and features", "l2", year_and_features),
    Shape("a constant column", "l2", constant_column),
    Shape("a large column", "l2", large_column),
    Shape("a column of 1e6", "l2", column_of(1e6)),
    Shape("times and directions", "l2", times_and_texts),
    Shape("metres and features", "l2", metres_and_features),
    Shape("mixed scales", "l2", mixed_scales),
    Shape("begins otherwise", "l2", begins_otherwise),
    Shape("one outlier row", "l2", outlier),
    Shape("one outlier row", "cosine", outlier),
    Shape("one outlier row", "ip", outlier),
    Shape("skewed norms", "l2", skewed_norms),
    Shape("skewed norms", "cosine", skewed_norms),
    Shape("skewed norms", "ip", skewed_norms, stands_for_many=True),
    Shape("one dimension", "cosine", gaussian(1)),
    Shape("one dimension", "ip", gaussian(1)),
    Shape("mean 3", "ip", gaussian(32, 3)),
    Shape("positive, negated queries", "ip", positive, negated),
    Shape("1e18", "l2", extreme(1e18)),
    Shape("1e-18", "l2", extreme(1e-18)),
    Shape("1e20", "l2", extreme(1e20)),
    Shape("1e-30", "l2", extreme(1e-30)),
    Shape("1e30", "ip", extreme(1e30)),
    Shape("1e-30", "ip", extreme(1e-30)),
    Shape("1e20", "cosine", extreme(1e20)),
    Shape("1e-20", "cosine", extreme(1e-20)),
    Shape("1e-40", "cosine", extreme(1e-40)),
    Shape("up to 3e38", "l2", to_the_limit(8)),
    Shape("up to 3e38", "cosine", to_the_limit(8)),
    Shape("texts 384", "cosine", texts),
    Shape("texts 384", "l2", texts),
    Shape("texts 384", "ip", texts),
    Shape("like word vectors", "cosine", words),
    Shape("like word vectors", "l2", words, stands_for_many=True),
    Shape("like word vectors", "ip", words),
)
