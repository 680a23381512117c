"""Answers are right on any data, in every state of a store: in small what `make bench-shapes` measures."""

from __future__ import annotations

import pytest

from ops.bench.shapes.filters import FILTERS
from tests.promises.recall.check import STATES, check

EVERYWHERE = (
    "gaussian 16 (l2)",
    "clusters of 30 (l2)",
    "clusters of 100 in turn (l2)",
    "clusters of 1000 in turn (cosine)",
    "copies, 500 each (cosine)",
    "one-hot 64 (l2)",
    "places in a town (l2)",
    "times, ascending (l2)",
    "a large column (l2)",
    "one outlier row (l2)",
    "one dimension (ip)",
    "mean 3 (ip)",
    "1e-20 (cosine)",
    "up to 3e38 (cosine)",
    "like word vectors (l2)",
)
"""In a memtable, in a batch build, and while rows are loaded."""
FAR_AND_WIDE = (
    ("skewed norms (l2)", "batch build"),
    ("gaussian 64 (l2)", "insertion"),
    ("gaussian 64 (ip)", "merge of merges"),
    ("binary 128 (l2)", "merge of merges"),
    ("clusters of 100 (ip)", "loading"),
    ("positive, negated queries (ip)", "batch build"),
    ("a tenth of the rows zero (cosine)", "insertion"),
)
"""Neighbours are hardly nearer than other rows, or lie in many places: walks have to go on."""
GROWN = (
    "clusters of 30 (l2)",
    "copies, 250 each (l2)",
    "half of the rows equal (l2)",
    "positions in metres (l2)",
    "like word vectors (cosine)",
)
"""In a graph that was grown row by row, and in one that rows were joined to, once or many times."""
MORE_THAN_A_GROUP = (
    ("clusters of 30 (l2)", "batch build"),
    ("clusters of 30 (l2)", "merge of merges"),
    ("one-hot 64 (l2)", "join"),
)
"""A hundred neighbours lie in several clusters, or are equal and were in different segments."""
FILTERED = (
    "clusters of 30 (l2)",
    "clusters of 100 in turn (l2)",
    "near-duplicates 128, 200 at 1e-4 (l2)",
    "copies, 500 each (cosine)",
    "skewed norms (ip)",
    "like word vectors (l2)",
)
"""Under filters that match many rows or few, near the query or far from it."""


@pytest.mark.parametrize("state", ["tail", "batch build", "loading"])
@pytest.mark.parametrize("title", EVERYWHERE)
def test_what_is_near_is_found(title: str, state: str) -> None:
    cases = check(title, STATES[state])
    assert all(case.walked == STATES[state].segments for case in cases)


@pytest.mark.parametrize("state", ["insertion", "join", "merge of merges"])
@pytest.mark.parametrize("title", GROWN)
def test_what_is_near_is_found_in_a_grown_graph(title: str, state: str) -> None:
    cases = check(title, STATES[state])
    assert all(case.walked == 1 for case in cases)


@pytest.mark.parametrize(("title", "state"), FAR_AND_WIDE)
def test_walks_go_on_while_they_find_what_is_nearer(title: str, state: str) -> None:
    cases = check(title, STATES[state])
    assert all(case.walked == STATES[state].segments or STATES[state].is_merged for case in cases)


@pytest.mark.parametrize(("title", "state"), MORE_THAN_A_GROUP)
def test_what_is_near_is_found_beyond_a_group(title: str, state: str) -> None:
    cases = check(title, STATES[state], ks=[100])
    assert all(case.walked == 1 for case in cases)


@pytest.mark.parametrize("title", FILTERED)
def test_what_is_near_is_found_under_filters(title: str) -> None:
    cases = check(title, STATES["filters"])
    assert len(cases) == 2 * len(FILTERS)
    assert all(case.walked == 1 for case in cases)


@pytest.mark.parametrize("title", ["clusters of 30 (l2)", "like word vectors (l2)"])
def test_what_is_near_is_found_under_filters_in_every_segment(title: str) -> None:
    cases = check(title, STATES["filters, 4 segments"])
    assert len(cases) == 2 * len(FILTERS)
    assert all(0 < case.walked <= 4 for case in cases)
