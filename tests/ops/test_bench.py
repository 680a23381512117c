"""The arithmetic of the benchmark, whose errors would go unnoticed for long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zstandard

from ops.bench import report
from ops.bench.data import prepare
from ops.bench.memory import Memory
from ops.bench.metrics import LAG, between, buckets, quantile_bound
from ops.bench.results import Loaded, Point, Pressed, Restarted, Results, Searched
from ops.bench.timing import Timing, repeat
from ops.bench.truth import NOBODY, nearest, recall

MEMORY = Memory(10 * 1024, 20 * 1024, 30 * 1024)


def some(rows: int, dim: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_nearest_is_what_sorting_all_distances_gives(metric: str) -> None:
    base, queries = some(40_000, 4, 1), some(5, 4, 2)
    if metric == "cosine":
        base /= np.linalg.norm(base, axis=1, keepdims=True)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    truth = nearest(base, queries, 10, metric)
    for query, ids in zip(queries.astype(np.float64), truth.ids, strict=True):
        rows = base.astype(np.float64)
        distances = ((rows - query) ** 2).sum(1) if metric == "l2" else -(rows @ query)
        assert ids.tolist() == np.argsort(distances)[:10].tolist()


def test_nearest_keeps_to_the_allowed_rows_and_says_when_there_are_fewer() -> None:
    base = some(100, 3, 3)
    allowed = np.zeros(100, np.bool_)
    allowed[[7, 70]] = True
    truth = nearest(base, some(2, 3, 4), 4, "l2", allowed)
    assert all(sorted(ids) == [NOBODY, NOBODY, 7, 70] for ids in truth.ids.tolist())


def test_recall_counts_each_right_answer_once() -> None:
    base = np.arange(20, dtype=np.float32)[:, None]
    queries = np.zeros((1, 1), np.float32)
    truth = nearest(base, queries, 4, "l2")
    assert recall(truth, base, queries, [[0, 1, 2, 3]], "l2") == 1.0
    assert recall(truth, base, queries, [[3, 1, 9, 8]], "l2") == 0.5
    assert recall(truth, base, queries, [[0, 0, 0, 0]], "l2") == 0.25
    assert recall(truth, base, queries, [[99]], "l2") == 0.0


def test_recall_takes_a_tie_with_the_last_answer_for_as_good() -> None:
    base = np.array([[0], [1], [1], [1], [5]], np.float32)
    queries = np.zeros((1, 1), np.float32)
    truth = nearest(base, queries, 2, "l2")
    assert [recall(truth, base, queries, [[0, id_]], "l2") for id_ in (1, 2, 3, 4)] == [1, 1, 1, 0.5]


def test_recall_counts_a_row_that_the_filter_forbids_as_nothing() -> None:
    base = np.arange(10, dtype=np.float32)[:, None]
    queries = np.zeros((1, 1), np.float32)
    truth = nearest(base, queries, 2, "l2", base[:, 0] > 4)
    assert recall(truth, base, queries, [[5, 6]], "l2") == 1.0
    assert recall(truth, base, queries, [[0, 5]], "l2") == 0.5


def test_repeat_gives_one_answer_for_each_argument() -> None:
    answers, timing = repeat(lambda number: number * 2, list(range(70)), 0.01)
    assert answers == list(range(0, 140, 2))
    assert timing.calls >= 70


def test_a_histogram_is_read_between_two_moments() -> None:
    lines = '{name}_bucket{{le="0.01"}} {a}\n{name}_bucket{{le="0.02"}} {b}\n{name}_bucket{{le="+Inf"}} {b}\n'
    before = buckets(lines.format(name=LAG, a=100, b=150), LAG)
    after = buckets(lines.format(name=LAG, a=198, b=250), LAG)
    assert quantile_bound(between(before, after), 0.98) == 0.01
    assert quantile_bound(between(before, after), 0.99) == 0.02
    assert buckets(lines.format(name="other", a=1, b=2), LAG) == {}


def test_given_files_become_normalised_float32_with_their_numbers(tmp_path: Path) -> None:
    base, queries, payloads = tmp_path / "b.npy", tmp_path / "q.npy", tmp_path / "p.jsonl.zst"
    np.save(base, some(30, 8, 5).astype(np.float16))
    np.save(queries, some(3, 8, 6).astype(np.float16))
    lines = "".join(f'{{"r": {row}}}\n' for row in range(30))
    payloads.write_bytes(zstandard.ZstdCompressor().compress(lines.encode()))
    dataset = prepare(tmp_path, base, queries, payloads, "cosine")
    assert (dataset.rows, dataset.queries, dataset.dim, dataset.name) == (30, 3, 8, "b.npy")
    assert np.allclose(np.linalg.norm(dataset.base_rows(), axis=1), 1, atol=1e-6)
    assert dataset.numbers().tolist() == list(range(30))
    assert [(id_, payload) for id_, _, payload in dataset.items()] == [(row, {"r": row}) for row in range(30)]


def test_without_queries_some_rows_are_held_out_with_their_payloads(tmp_path: Path) -> None:
    base, payloads = tmp_path / "b.npy", tmp_path / "p.jsonl"
    rows = some(40, 8, 7)
    np.save(base, rows)
    payloads.write_text("".join(f'{{"r": {row}}}\n' for row in range(40)))
    dataset = prepare(tmp_path, base, None, payloads, "l2")
    assert np.array_equal(dataset.query_rows(), rows[[0, 20]])
    assert dataset.numbers().tolist() == [row for row in range(40) if row not in (0, 20)]
    assert np.array_equal(dataset.base_rows()[0], rows[1])


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    base, queries, payloads = tmp_path / "b.npy", tmp_path / "q.npy", tmp_path / "p.jsonl"
    np.save(base, some(30, 8, 8))
    np.save(queries, some(3, 9, 9))
    payloads.write_text('{"r": 1}\n')
    with pytest.raises(ValueError, match="dimension 8"):
        prepare(tmp_path, base, queries, None, "l2")
    with pytest.raises(ValueError, match="1 payloads for 30 vectors"):
        prepare(tmp_path, base, None, payloads, "l2")


def results(dataset: str) -> Results:
    loaded = Loaded(1000, 0.5, 2.0, 3.0, 1, MEMORY, 4096, 1024 * 1024, 2 * 1024 * 1024)
    timing = Timing(100, 1234.5, 0.8, 1.9)
    curve = [Point(16, 0.9, timing), Point(32, 0.95, timing)]
    searched = Searched(curve, [Point(128, 1, timing, 10, 12, 3.5)])
    restarted = Restarted(0.4, 0.01, MEMORY, MEMORY, MEMORY, 1000)
    return Results(
        dataset, 1000, 10, 8, "cosine", "q.npy", "a machine", "0.1", "2026-01-01", "python -m ops.bench",
        loaded, loaded, restarted, {"native": searched, "HTTP": searched},
        Pressed(8, 10.0, 5000, timing, f"`{LAG}` in /metrics", 20.0, float("inf"), 900, MEMORY),
    )  # fmt: skip


def test_the_section_holds_every_figure() -> None:
    text = report.markdown(results("b.npy"))
    assert "| HTTP | 2,000 | 500 | 3.000 s | 1 | 30.0 MiB |" in text
    assert "| native, ef 32 | 0.9500 | 1,234 | 0.800 | 1.900 |" in text
    assert "| HTTP, r < 10 | 12 | 1.0000 | 3.5 | 1,234 | 0.800 | 1.900 |" in text
    assert "| event loop lag p99 | ≤ 20.0 ms |" in text
    assert "| event loop lag, the longest | beyond the histogram |" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_a_new_run_replaces_its_own_section_alone(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    first, second = report.markdown(results("one.npy")), report.markdown(results("two.npy"))
    report.keep(first, path)
    report.keep(second, path)
    report.keep(first.replace("0.9500", "0.9700"), path)
    text = path.read_text()
    assert text.startswith("# Results\n")
    assert text.count("## one.npy\n") == text.count("## two.npy\n") == 1
    assert text.index("0.9700") < text.index("## two.npy") < text.index("0.9500")
