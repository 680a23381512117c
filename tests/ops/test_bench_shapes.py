"""The recall laboratory's own arithmetic: what is right, what is allowed, what is shown."""

from __future__ import annotations

import math

import numpy as np
import pytest

from asteroid_cloud.indexer.build.builder import INSERTED_ROWS_MAX
from asteroid_cloud.query.knn.planner import scan_limit
from ops.bench.shapes.command import parse
from ops.bench.shapes.data import QUERIES, SHAPES
from ops.bench.shapes.filters import FILTERS, fields_of
from ops.bench.shapes.laboratory import Job, chosen_shapes, chosen_states, jobs_for, run
from ops.bench.shapes.measuring import Case, Figure, Refused
from ops.bench.shapes.states import (
    DELETED_SHARE,
    FOUR,
    INSERTION,
    LOADING,
    SEALED,
    SIXTEEN,
    STATES,
    TAIL,
    slices,
)
from ops.bench.shapes.tables import by_state, worst_first
from ops.bench.shapes.truth import Neighbours, Truth, distances

ROWS = np.array([[3, 4], [0, 0], [6, 8], [-3, -4], [4, -3]], np.float32)
QUERY = np.array([[3, 4]], np.float32)
EVERY = np.ones(5, np.bool_)


def ids(*rows: int) -> list[np.ndarray[tuple[int], np.dtype[np.uint64]]]:
    return [np.array(rows, np.uint64)]


def neighbours(metric: str, allowed: np.ndarray[tuple[int], np.dtype[np.bool_]] = EVERY) -> Neighbours:
    return Neighbours(Truth(QUERY, ROWS, metric), np.arange(1), allowed, 5)


def test_distances_of_each_metric() -> None:
    assert distances(QUERY, ROWS, "l2")[0] == pytest.approx([0, 5, 5, 10, math.sqrt(50)])
    assert distances(QUERY, ROWS, "ip")[0] == pytest.approx([-25, 0, -50, 25, 0])
    assert distances(QUERY, ROWS, "cosine")[0] == pytest.approx([0, 1, 0, 2, 1])


def test_distances_neither_cancel_nor_overflow() -> None:
    far = ROWS.astype(np.float64) + 1e6
    assert distances(QUERY + np.float32(1e6), far.astype(np.float32), "l2")[0, 3] == pytest.approx(10)
    large = distances(QUERY * np.float32(1e37), ROWS * np.float32(1e37), "cosine")
    assert large[0] == pytest.approx([0, 1, 0, 2, 1])
    assert distances(QUERY * np.float32(1e37), ROWS * np.float32(1e37), "l2")[0, 3] == pytest.approx(1e38)


def test_a_tie_counts_and_another_neighbour_does_not() -> None:
    assert neighbours("l2").recalls(ids(0, 1), 2).tolist() == [1]
    assert neighbours("l2").recalls(ids(0, 2), 2).tolist() == [1]
    assert neighbours("l2").recalls(ids(0, 3), 2).tolist() == [0.5]


def test_a_hit_counts_once_and_only_if_it_is_allowed() -> None:
    assert neighbours("l2").recalls(ids(0, 0), 2).tolist() == [0.5]
    without_first = np.array([False, True, True, True, True])
    assert neighbours("l2", without_first).recalls(ids(0, 1), 2).tolist() == [0.5]
    assert neighbours("l2", without_first).recalls(ids(1, 2, 3, 4), 10).tolist() == [1]
    assert neighbours("l2", without_first).recalls([np.empty(0, np.uint64)], 2).tolist() == [0]


def test_an_exact_answer_may_be_wrong_by_rounding_alone() -> None:
    assert neighbours("l2").excess(ids(0, 2, 1), 3) <= 1
    assert neighbours("l2").excess(ids(0, 1, 3), 3) > 1
    assert neighbours("l2").excess(ids(0, 1), 3) == math.inf
    assert neighbours("l2").excess(ids(0, 1, 1), 3) == math.inf


def test_products_that_nearly_cancel_are_ties() -> None:
    rows = np.array([[1000, -1000], [1000, -1000.0001], [1000, -900]], np.float32)
    truth = Truth(np.array([[1, 1]], np.float32), rows, "ip")
    near = Neighbours(truth, np.arange(1), np.ones(3, np.bool_), 2)
    assert near.recalls(ids(2, 1), 2).tolist() == [1]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_every_shape_is_drawn_alike_each_time(shape) -> None:  # type: ignore[no-untyped-def]
    base, queries = shape.draw(60)
    again, _ = shape.draw(60)
    assert base.shape == (60, shape.dim)
    assert queries.shape == (QUERIES, shape.dim)
    assert base.dtype == queries.dtype == np.float32
    assert np.isfinite(base).all()
    assert np.isfinite(queries).all()
    assert np.array_equal(base, again)


def test_filters_match_the_share_that_they_are_named_for() -> None:
    base, queries = SHAPES[0].draw(4000)
    fields = fields_of(base, queries)
    shares = [filtered.allows(fields).mean() for filtered in FILTERS]
    assert shares == pytest.approx([1, 0.5, 0.3, 0.03, 0.2, 0.2, 0.2], abs=0.02)
    asked = [filtered.asks(fields).mean() for filtered in FILTERS]
    assert asked[:5] == [1, 1, 1, 1, 1]
    assert 0.05 < asked[5] < 0.4
    assert 0.2 < asked[6] < 0.6
    assert fields.payloads(0, 1) == [b'{"r":%d,"c":%d}' % (fields.random[0], fields.place[0])]


def test_writes_end_where_blocks_do() -> None:
    assert list(slices(5000, 4500)) == [
        (0, 2000, False),
        (2000, 4000, False),
        (4000, 4500, True),
        (4500, 5000, True),
    ]
    assert LOADING.block_rows(100) == 22
    assert TAIL.block_rows(100) == 101


def test_shapes_and_states_are_chosen_by_name() -> None:
    assert {shape.name for shape in chosen_shapes(["word vectors"])} == {"like word vectors"}
    assert len(chosen_shapes([])) == len(SHAPES)
    many = next(shape for shape in SHAPES if shape.stands_for_many)
    few = next(shape for shape in SHAPES if not shape.stands_for_many)
    assert SIXTEEN in chosen_states(many, [])
    assert SIXTEEN not in chosen_states(few, [])
    assert chosen_states(few, ["16 segments"]) == [SIXTEEN]
    with pytest.raises(ValueError, match="no shape"):
        chosen_shapes(["quaternions"])
    with pytest.raises(ValueError, match="no state"):
        list(jobs_for([few], ["asleep"], [1], with_peer=False))


def test_parts_are_large_enough_to_be_walked() -> None:
    for state in STATES:
        if state.segments:
            rows = state.rows if state.is_merged else state.block_rows(state.rows)
            assert rows * (1 - DELETED_SHARE) > scan_limit(rows, state.ef), state.name
    assert {state.name for state in STATES if state.is_filtered} == {"batch build", FOUR.name}
    assert INSERTION.rows <= INSERTED_ROWS_MAX < SEALED.rows


def test_a_job_measures_every_case_of_its_states() -> None:
    found = run(Job("times, one dimension (l2)", ["tail", "4 segments"], [1, 10], with_peer=False, rows=400))
    cases = [each for each in found if isinstance(each, Case)]
    assert len(cases) == len(found) == 2 * (1 + len(FILTERS))
    assert {case.scanned for case in cases if case.state == "tail"} == {1}
    assert all(figure.recall == figure.exact == 1 for case in cases for figure in case.figures)
    assert all(figure.differing == 0 and figure.excess <= 1 for case in cases for figure in case.figures)


def case(shape: str, *recalls: float, state: str = "tail", walked: int = 0) -> Case:
    figures = [Figure(k, recall, 1.0, 0.5, 0.99, 3) for k, recall in zip((1, 10), recalls, strict=True)]
    return Case(shape, 8000, state, True, "–", 100, walked, 1, 2, figures)


def test_the_worst_case_of_the_worst_shape_comes_first() -> None:
    cases = [case("a", 1, 1), case("b", 0.9, 1), case("a", 1, 0.7, walked=1), case("b", 0.95, 0.99)]
    table = worst_first(cases)
    assert [row[0] for row in table.rows] == ["a", "b"]
    assert table.rows[0][4:] == ("–", "1 + 1, 2 again", "1.000 / 1.000 / 0.990", "0.700 / 1.000 / 0.990")
    assert table.heads[-2:] == ("@1", "@10")


def test_states_are_summed_up() -> None:
    cases = [case("a", 1, 0.9), case("b", 1, 0.985, state="join", walked=1)]
    table = by_state(cases, [Refused("c", "tail", "bad_vector")])
    assert table.rows[0] == ("tail", "2", "0.9500", "0.900", "1", "1", "2", "0")
    assert table.rows[1] == ("join", "2", "0.9925", "0.985", "0", "0", "0", "0")
    assert table.rows[-1][:2] == ("all", "4")
    assert "c: bad_vector" in table.note


def test_results_are_kept_only_when_that_is_asked_for() -> None:
    assert parse([]).results is None
    assert parse(["--results"]).results.name == "RESULTS.md"
    assert parse(["--results", "other.md", "--k", "1", "5"]).k == [1, 5]
