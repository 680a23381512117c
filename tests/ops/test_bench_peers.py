"""The arithmetic of the comparison, and that each system's figures are in its own row."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ops.bench import report
from ops.bench.data import Dataset
from ops.bench.job import ROOT
from ops.bench.memory import Memory
from ops.bench.peers import registry
from ops.bench.versus import comparison
from ops.bench.versus.commands import Built, Inserted, Open, Opened
from ops.bench.versus.figures import Figures, Point, Run, rate_at, ratio
from ops.bench.versus.pace import WARM_UP_CALLS, pace
from ops.bench.versus.process import Failed, Process

CURVE = [Point(10, 0.90, 8000.0), Point(20, 0.96, 4000.0), Point(40, 1.0, 1000.0)]


def test_a_rate_between_two_breadths_lies_on_a_line_of_its_logarithm() -> None:
    assert rate_at(CURVE, 0.93) == pytest.approx(math.sqrt(8000 * 4000))
    assert rate_at(CURVE, 0.97) == pytest.approx(4000 * 4 ** (-1 / 4))
    assert rate_at(list(reversed(CURVE)), 0.93) == rate_at(CURVE, 0.93)


def test_a_rate_is_that_of_a_breadth_which_has_the_recall_already() -> None:
    assert rate_at(CURVE, 0.5) == 8000
    assert rate_at(CURVE, 0.96) == 4000
    uneven = [Point(10, 0.95, 100.0), Point(20, 0.97, 300.0), Point(40, 0.96, 900.0)]
    assert rate_at(uneven, 0.955) == 900


def test_a_recall_that_no_breadth_reaches_has_no_rate() -> None:
    assert rate_at(CURVE[:2], 0.97) is None
    assert rate_at([], 0.9) is None


def test_a_ratio_needs_both_figures() -> None:
    assert ratio(3.0, 2.0) == 1.5
    assert [ratio(None, 2.0), ratio(3.0, None), ratio(3.0, 0.0)] == [None, None, None]


def test_systems_are_chosen_by_name_with_ours_and_what_they_need() -> None:
    assert registry.chosen("") == ["asteroid"]
    assert registry.chosen("usearch-view") == ["asteroid", "usearch", "usearch-view"]
    assert registry.chosen("all") == list(registry.REGISTRY)
    assert {"svs", "hnswlib"} < set(registry.chosen("usual")) < set(registry.chosen("all"))
    with pytest.raises(ValueError, match="no system 'hnswlab'"):
        registry.chosen("hnswlib,hnswlab")


def test_a_system_that_opens_anothers_store_comes_after_it() -> None:
    names = list(registry.REGISTRY)
    assert names[0] == registry.OURS
    for place, entry in enumerate(registry.REGISTRY.values()):
        assert not entry.built_by or names.index(entry.built_by) < place


def test_every_adapter_has_its_file() -> None:
    folder = Path(registry.__file__).parent
    for entry in registry.REGISTRY.values():
        assert "\nADAPTER = " in (folder / f"{entry.module}.py").read_text()


def test_the_process_of_a_peer_has_none_of_our_store_in_its_memory() -> None:
    code = "import sys, ops.bench.versus.worker; print([n for n in sys.modules if 'asteroid_cloud' in n])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    assert ended.stdout.strip() == b"[]"


@pytest.mark.parametrize("threads", [1, 2])
def test_pace_asks_every_query_equally_often(threads: int) -> None:
    asked: dict[int, int] = {}
    lock = threading.Lock()

    def call(query: int) -> None:
        with lock:
            asked[query] = asked.get(query, 0) + 1

    queries = list(range(200))
    assert pace(call, queries, 0.0, threads) > 0
    measured = {query: asked[query] - (query < WARM_UP_CALLS) for query in queries}
    assert measured == dict.fromkeys(queries, threads)


def figures(name: str, factor: int) -> Figures:
    inserted = Inserted(10.0 * factor, 20.0 * factor, 30.0 * factor, Memory(0, 0, 1024 * factor))
    opened = Opened(0.5, Memory(1024, 2048), Memory(1024 + 512 * factor, 2048 + 512 * factor))
    curve = [Point(point.breadth, point.recall, point.per_s / factor) for point in CURVE]
    built = Built(5.0 * factor, Memory(0, 0, 2048 * factor))
    return Figures(name, name, f"note of {name}", inserted, built, 1024**2 * factor, opened, curve, 1.5)


def run(*systems: Figures) -> Run:
    return Run(
        "b.npy", 1000, 8, 10, "q.npy", "a machine", "0.1", "2026-01-01", "python -m ops.bench peers", 5,
        list(systems),
    )  # fmt: skip


def text_of(made: Run) -> str:
    return report.section(comparison.heading(made), comparison.preface(made), comparison.tables(made))


def test_the_section_holds_every_figure() -> None:
    text = text_of(run(figures("ours", 1), figures("theirs", 2)))
    assert text.startswith("## b.npy, beside other systems\n")
    assert "| theirs | 2.00× | 2.00× | 2.00× | 2.00× | 2.00× | 0.50× | 0.50× | 0.50× |" in text
    assert "| theirs | 50 | 25 | 60.0 s | 2.0 MiB | 100 | 4.0 MiB | 2.0 MiB |" in text
    assert "| ours | 0.5 MiB | 0.5 MiB | 1.0 MiB | 3.0 MiB | 500 ms |" in text
    assert "| 20 | 0.960 / 4,000 | 0.960 / 2,000 |" in text
    assert "Not measured" not in text


def test_a_system_that_failed_has_dashes_and_its_reason() -> None:
    failed = Figures("theirs", "theirs", "", failures=["it ended (status 1)\nsome lines\nno such processor"])
    text = text_of(run(figures("ours", 1), failed))
    assert "Not measured to the end: theirs: it ended (status 1) — no such processor\n" in text
    assert "| theirs | – | – | – | – | – | – | – | – |" in text
    assert "| breadth | ours |" in text


def test_a_process_that_cannot_start_fails_with_what_it_printed(tmp_path: Path) -> None:
    dataset = Dataset(str(tmp_path / "nowhere"), "b.npy", 1, 1, 8, "cosine", False, "")
    with Process(registry.OURS, dataset, tmp_path / "store") as process, pytest.raises(Failed, match="npy"):
        process.ask(Open(), Opened, 60.0)
