"""The tail in RAM: rows stay put, old snapshots keep their view, ties go by id."""

from __future__ import annotations

import numpy as np
import pytest

from asteroid_cloud.indexer.native import core

DIM = 8


def filled(vectors: np.ndarray, ids: list[int], capacity: int = 5000) -> core.Rows:
    rows = core.Rows(DIM, core.Metric.l2, True, capacity)
    rows.append(np.array(ids, np.uint64), core.encode(vectors.astype(np.float32), core.Metric.l2, True))
    return rows


def test_find_sees_what_the_snapshot_saw() -> None:
    rows = filled(np.random.default_rng(0).normal(size=(4, DIM)), [5, 6, 5, 2**64 - 1])
    wanted = np.array([5, 6, 2**64 - 1, 7], np.uint64)
    assert rows.find(wanted, 4).tolist() == [2, 1, 3, -1]
    assert rows.find(wanted, 2).tolist() == [0, 1, -1, -1]
    assert rows.find(wanted, 0).tolist() == [-1, -1, -1, -1]


def test_appending_beyond_the_capacity_is_refused_and_changes_nothing() -> None:
    rows = filled(np.zeros((3, DIM)), [1, 2, 3], capacity=4)
    with pytest.raises(ValueError, match="full"):
        rows.append(
            np.array([4, 5], np.uint64), core.encode(np.zeros((2, DIM), np.float32), core.Metric.l2, True)
        )
    assert rows.rows == 3


def test_rows_cross_chunk_borders_unharmed() -> None:
    vectors = np.random.default_rng(1).normal(size=(3000, DIM))
    rows = filled(vectors, list(range(3000)))
    picked = np.array([0, 1023, 1024, 2047, 2048, 2999], np.uint32)
    assert rows.ids(picked).tolist() == picked.tolist()
    assert np.abs(rows.vectors(picked) - vectors[picked]).max() < 0.05


def test_ties_go_by_id_whatever_the_order_of_writing() -> None:
    rows = filled(np.ones((100, DIM)), list(range(99, -1, -1)))
    for exact in (False, True):
        plans = core.PartPlans([(rows, 100, None, 100, True)])
        ids, *_ = core.search(plans, np.ones((1, DIM), np.float32), 5, 10, exact, 1)
        assert ids[0].tolist() == [0, 1, 2, 3, 4]


def test_a_mask_hides_rows() -> None:
    vectors = np.arange(20 * DIM).reshape(20, DIM)
    rows = filled(vectors, list(range(20)))
    mask = np.packbits(np.arange(20) % 7 == 3, bitorder="little")
    plans = core.PartPlans([(rows, 20, mask, 3, True)])
    ids, _, _, _, found, *_ = core.search(plans, vectors[:1].astype(np.float32), 10, 10, False, 1)
    assert (found.tolist(), ids[0].tolist()) == ([3], [3, 10, 17])


@pytest.mark.parametrize(
    "arguments",
    [
        {"k": 0},
        {"k": 20, "ef": 10},
        {"rows": 21},
        {"mask": np.zeros(1, np.uint8)},
        {"query": np.zeros((1, DIM + 1), np.float32)},
    ],
)
def test_impossible_searches_are_refused_before_memory_is_touched(arguments: dict[str, object]) -> None:
    rows = filled(np.zeros((20, DIM)), list(range(20)))
    given = {"k": 5, "ef": 10, "rows": 20, "mask": None, "query": np.zeros((1, DIM), np.float32)} | arguments
    part = (rows, given["rows"], given["mask"], 20, True)
    # each refusal has a message of its own
    with pytest.raises(ValueError):  # noqa: PT011
        core.search(
            core.PartPlans([part]),  # type: ignore[list-item]
            given["query"],  # type: ignore[arg-type]
            given["k"],  # type: ignore[arg-type]
            given["ef"],  # type: ignore[arg-type]
            False,
            1,
        )


def test_rows_that_are_not_there_are_an_index_error() -> None:
    rows = filled(np.zeros((3, DIM)), [1, 2, 3])
    for read in (rows.ids, rows.vectors, rows.encoded):
        with pytest.raises(IndexError):
            read(np.array([3], np.uint32))


def test_values_near_the_largest_float_come_back() -> None:
    vectors = np.array([[-3e38, 3e38, 1e38, 0, 2e38, -1e38, 3e37, 2.5e38]], np.float32)
    kept = filled(vectors, [1]).vectors(np.array([0], np.uint32))
    assert np.abs(kept / 3e38 - vectors / 3e38).max() < 1e-4
