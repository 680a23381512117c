"""Columns of large values take no precision from the others, and no size of numbers is too much."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.model import spec
from ops.bench.shapes.measuring import Case
from tests.promises.recall.check import STATES, Violation, check

EXACT = 0.99
LARGE_COLUMNS = (
    "a year and features (l2)",
    "a constant column (l2)",
    "a column of 1e6 (l2)",
    "times and directions (l2)",
    "metres and features (l2)",
    "mixed scales (l2)",
    "begins otherwise (l2)",
)
SIZES = ("up to 3e38 (l2)", "1e-30 (l2)", "1e30 (ip)", "1e-30 (ip)", "1e-40 (cosine)")
SPOILED = ("a column of 1e6 (l2)", "times and directions (l2)", "metres and features (l2)")
"""Those that one scale for all values of a row spoils."""


def check_exactly(title: str, state: str) -> list[Case]:
    """Raises Violation unless usual answers are good and exact ones are all but perfect."""
    cases = check(title, STATES[state])
    for case in cases:
        for figure in case.figures:
            if figure.exact < EXACT:
                raise Violation(f"{title}, {state}: exact recall@{figure.k} {figure.exact:.3f} < {EXACT}")
    return cases


@pytest.mark.parametrize("state", ["tail", "batch build"])
@pytest.mark.parametrize("title", LARGE_COLUMNS)
def test_large_columns_spoil_nothing(title: str, state: str) -> None:
    cases = check_exactly(title, state)
    assert all(case.rescanned == 0 for case in cases), "the graph is good enough"


@pytest.mark.parametrize("state", ["insertion", "join"])
def test_large_columns_spoil_no_graph_that_is_grown(state: str) -> None:
    check_exactly("a year and features (l2)", state)


@pytest.mark.parametrize("title", SIZES)
def test_numbers_of_any_size_are_told_apart(title: str) -> None:
    check_exactly(title, "tail")


@pytest.mark.parametrize("title", ["up to 3e38 (l2)", "1e-30 (ip)"])
def test_numbers_of_any_size_are_told_apart_in_a_graph(title: str) -> None:
    check_exactly(title, "batch build")


@pytest.mark.parametrize("title", SPOILED)
def test_one_scale_for_all_values_is_seen(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec, "outliers_of", lambda dim, metric: 0)
    with pytest.raises(Violation, match="exact recall@"):
        check_exactly(title, "tail")
