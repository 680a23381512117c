"""Searches under filters: `python -m ops.bench filters --help`.

Every condition of every selectivity, at the default breadth, one query a call; ours is the query layer on a
snapshot, and its first search under a condition evaluates the filter.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from ops.bench import machine, report
from ops.bench.data import Dataset, prepare
from ops.bench.filtered.cases import Case, Rows, Vectors, cases, exact, recall
from ops.bench.filtered.systems import SYSTEMS, Ask, Filtering
from ops.bench.tables import Table
from ops.bench.timing import repeat
from ops.bench.workload import USUAL_BREADTH, K

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
RECALL_MIN = 0.95
console = Console(width=max(Console().width, 120))


class Measured(msgspec.Struct, frozen=True):
    """One system under one kind of condition."""

    recall: float
    per_s: float
    p99_ms: float
    first_ms: float
    """The slowest first search under a condition."""


class Subject(msgspec.Struct, frozen=True):
    """The data that all systems get."""

    dataset: Dataset
    payloads: Path
    query_payloads: Path
    seconds: float

    def texts(self) -> list[bytes]:
        """The payload of each row, with the row's number as a unique field."""
        decoder, encoder = msgspec.json.Decoder(dict[str, object]), msgspec.json.Encoder()
        lines = Path(self.dataset.folder, "payloads.jsonl").read_bytes().splitlines()
        return [encoder.encode(decoder.decode(line) | {"id": number}) for number, line in enumerate(lines)]

    def topics(self) -> list[str]:
        """The topic of each query."""
        lines = self.query_payloads.read_bytes().splitlines()[: self.dataset.queries]
        return [str(msgspec.json.decode(line)["lexname"]) for line in lines]


def rows_of(texts: Sequence[bytes]) -> Rows:
    """The fields that conditions use."""
    decoded = [msgspec.json.decode(text) for text in texts]
    return Rows(np.array([each["r"] for each in decoded]), np.array([each["lexname"] for each in decoded]))


def measure(name: str, subject: Subject, folder: Path) -> list[tuple[str, float, Measured | None]]:
    """All cases of one system, each with its name and share of matches; None where it cannot be expressed."""
    vectors, queries = np.array(subject.dataset.base_rows()), subject.dataset.query_rows()
    texts, topics = subject.texts(), subject.topics()
    rows, similarities = rows_of(texts), queries @ vectors.T
    system = SYSTEMS[name]()
    system.build(folder, vectors, rows, texts)
    try:
        return [
            (case.name, case.share, _case(system, case, queries, topics, similarities, subject.seconds))
            for case in _with_unfiltered(rows, topics)
        ]
    finally:
        system.close()


def _with_unfiltered(rows: Rows, topics: Sequence[str]) -> Iterator[Case]:
    everything = np.ones(len(rows.r), np.bool_)
    yield Case("no filter", {topic: {} for topic in topics}, dict.fromkeys(topics, everything))
    yield from cases(rows, topics)


def _case(
    system: Filtering,
    case: Case,
    queries: Vectors,
    topics: Sequence[str],
    similarities: Vectors,
    seconds: float,
) -> Measured | None:
    asks: dict[str, Ask] = {}
    first_s = []
    for topic, condition in case.conditions.items():
        ask = system.under(condition, case.allowed[topic])
        if ask is None:
            return None
        asks[topic] = ask
        began_s = time.perf_counter()
        ask(queries[0])
        first_s.append(time.perf_counter() - began_s)
    pairs = list(zip(topics, queries, strict=True))
    found, timing = repeat(lambda pair: list(asks[pair[0]](pair[1])), pairs, seconds)
    least = exact(similarities, case, topics)
    share = recall(similarities, case, topics, least, found)
    return Measured(share, timing.per_s, timing.p99_ms, 1e3 * max(first_s))


def table(results: dict[str, list[tuple[str, float, Measured | None]]]) -> Table:
    """One row for each case: this store's figures, the others' recall and rate, the ratio to the best."""
    ours = results["asteroid"]
    others = [name for name in results if name != "asteroid"]
    base = ours[0][2]
    assert base is not None
    heads = ["condition", "matches", "recall@10", "QPS", "÷ unfiltered", "p99 ms", "first ms"]
    heads += [f"{SYSTEMS[name].name}: recall / QPS" for name in others]
    heads += ["QPS ÷ best other"] if others else []
    lines = []
    for place, (name, share, mine) in enumerate(ours):
        assert mine is not None
        cells = [name, f"{share:.2%}", f"{mine.recall:.4f}", f"{mine.per_s:,.0f}"]
        cells += [f"{mine.per_s / base.per_s:.2f}", f"{mine.p99_ms:.2f}", f"{mine.first_ms:.1f}"]
        rates = []
        for other in others:
            theirs = results[other][place][2]
            cells.append("–" if theirs is None else f"{theirs.recall:.3f} / {theirs.per_s:,.0f}")
            if theirs is not None and theirs.recall >= RECALL_MIN:
                rates.append(theirs.per_s)
        if others:
            cells.append(f"{mine.per_s / max(rates):.1f}" if rates else "none reaches 0.95")
        lines.append(tuple(cells))
    note = (
        f"ef {USUAL_BREADTH}, k = {K}, one query a call, one thread. First: the slowest search that "
        "meets a filter for the first time and evaluates it. Best other: the fastest with a recall of 0.95. "
    )
    note += "faiss is handed ready bitmaps, made outside the timing." if "faiss" in others else ""
    return Table("Search under filters", tuple(heads), lines, note)


def main(arguments: Sequence[str]) -> None:
    """Prepares the data, measures, prints and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench filters", description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help=".npy of vectors, a row each")
    parser.add_argument("--queries", type=Path, required=True, help=".npy of queries")
    parser.add_argument("--payloads", type=Path, required=True, help="JSON lines with r and lexname, or .zst")
    parser.add_argument("--query-payloads", type=Path, required=True, help="JSON lines with lexname")
    parser.add_argument("--peers", default="", help="comma-separated, of: faiss, zvec (default: none)")
    parser.add_argument("--seconds-each", type=float, default=1.0, help="a condition (default 1)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the Markdown file to write into")
    options = parser.parse_args(arguments)
    names = ["asteroid", *filter(None, options.peers.split(","))]
    if foreign := set(names) - set(SYSTEMS):
        sys.exit(f"ops.bench filters: there is no system {sorted(foreign)[0]!r}")
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    results = {}
    with tempfile.TemporaryDirectory(prefix="asteroid-bench-") as folder:
        dataset = prepare(Path(folder), options.base, options.queries, options.payloads, "cosine")
        subject = Subject(dataset, options.payloads, options.query_payloads, options.seconds_each)
        for name in names:
            console.print(f"{SYSTEMS[name].name} …")
            Path(folder, name).mkdir()
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                results[name] = pool.submit(measure, name, subject, Path(folder, name)).result()
    made = [table(results)]
    report.show(made, console)
    words = [
        f"--{name.replace('_', '-')} {getattr(options, name).name}"
        for name in ("base", "queries", "payloads")
    ]
    words += [f"--query-payloads {options.query_payloads.name}"]
    words += [f"--peers {options.peers}"] if options.peers else []
    lines = [
        f"{date}, on {machine.describe()}; load average at the start {load}. "
        f"{dataset.rows:,} × {dataset.dim}, cosine, {dataset.queries} queries.",
        "",
        f"    python -m ops.bench filters {' '.join(words)}",
        "",
    ]
    report.keep(report.section(f"Filters, {dataset.name}", lines, made), options.results)
