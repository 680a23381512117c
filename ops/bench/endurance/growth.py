"""Memory and speed as the store grows: `python -m ops.bench growth --help`.

Synthetic rows, in clusters, of any number; each size is loaded in a process of its own and opened
again in another, whose memory is compared with that of the same imports alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import anyio
import numpy as np
from rich.console import Console

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench import machine, report
from ops.bench.endurance.asking import Vectors, ask, until_settled
from ops.bench.endurance.figures import Grown, Reopened
from ops.bench.memory import bytes_under, memory_of
from ops.bench.tables import Table
from ops.bench.workload import BATCH_ROWS, FIRST_SEARCHES

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
DIM, CENTRES, SPREAD = 128, 1000, 0.7
SIZES = (50_000, 250_000, 1_000_000)
SAMPLE_S = 0.05
DELETED_SHARE = 0.9
SLOPE_MAX = 20
BEYOND_BUDGET_MIB = 80
T = TypeVar("T")
console = Console()


def rows_of(number: int) -> Vectors:
    """A batch of clustered rows, the same for a number each time."""
    centres = np.random.default_rng(0).normal(size=(CENTRES, DIM))
    random = np.random.default_rng(number + 1)
    rows = centres[random.integers(0, CENTRES, BATCH_ROWS)] + SPREAD * random.normal(size=(BATCH_ROWS, DIM))
    return rows.astype(np.float32)


def grow(folder: str, rows: int) -> Grown:
    """Loads a store with one writer, and samples its memory."""
    return anyio.run(_grow, folder, rows)


async def _grow(folder: str, rows: int) -> Grown:
    with PeakAnon() as peak:
        async with Engine.open(folder, EngineOptions()) as engine:
            await engine.ready()
            await engine.create_index(DIM, "l2")
            began_s = time.perf_counter()
            for number in range(rows // BATCH_ROWS):
                ids = np.arange(number * BATCH_ROWS, (number + 1) * BATCH_ROWS, dtype=np.uint64)
                await engine.upsert(ids, rows_of(number), None)
            acknowledged_s = time.perf_counter() - began_s
            await engine.flush()
            indexed_s = time.perf_counter() - began_s
            settled_s = await until_settled(engine) - began_s
            segments = engine.stats().segments
    disk = bytes_under(Path(folder))
    return Grown(rows, acknowledged_s, indexed_s, settled_s, segments, peak.kib, disk)


def reopen(folder: str) -> Reopened:
    """Opens a store and searches it."""
    return anyio.run(_reopen, folder)


async def _reopen(folder: str) -> Reopened:
    queries = rows_of(-1)[:FIRST_SEARCHES].copy()
    before_kib = memory_of().anon_kib
    async with Engine.open(folder, EngineOptions()) as engine:
        await engine.ready()
        _, timing = ask(engine, queries)
        memory = memory_of()
    return Reopened(memory.anon_kib - before_kib, memory.file_kib, timing.per_s)


def thin_out(folder: str, rows: int) -> int:
    """Deletes most rows and waits for the merge; returns the bytes that remain on the disk."""
    return anyio.run(_thin_out, folder, rows)


async def _thin_out(folder: str, rows: int) -> int:
    every = np.arange(rows, dtype=np.uint64)
    dead = every[every % 10 < 10 * DELETED_SHARE]
    async with Engine.open(folder, EngineOptions()) as engine:
        await engine.ready()
        for start in range(0, len(dead), 100_000):
            await engine.delete(dead[start : start + 100_000])
        await engine.flush()
        await until_settled(engine)
    return bytes_under(Path(folder))


class PeakAnon:
    """The peak of this process's anonymous memory while it was sampled."""

    def __init__(self) -> None:
        self.kib = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> PeakAnon:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            self.kib = max(self.kib, memory_of().anon_kib)


def alone(work: Callable[..., T], *arguments: object) -> T:
    """Runs a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def table(grown: Sequence[Grown], reopened: Sequence[Reopened], left_bytes: int) -> Table:
    """One row for each size."""
    heads = ("rows", "durable/s", "indexed/s", "settled", "segments", "peak RssAnon", "disk a row")
    seen = ("reopened", "RssFile", "QPS, ef 128")
    rows: list[tuple[str, ...]] = [
        (
            f"{g.rows:,}",
            f"{g.rows / g.acknowledged_s:,.0f}",
            f"{g.rows / g.indexed_s:,.0f}",
            f"{g.settled_s:.0f} s",
            str(g.segments),
            f"{g.peak_anon_kib / 1024:.0f} MiB",
            f"{g.disk_bytes / g.rows:.0f} B",
            f"+{r.added_anon_kib / 1024:.1f} MiB",
            f"{r.file_kib / 1024:.0f} MiB",
            f"{r.per_s:,.0f}",
        )
        for g, r in zip(grown, reopened, strict=True)
    ]
    note = "Reopened: RssAnon of a new process after 1,000 searches, beyond that of its imports. "
    if len(grown) > 1:
        added = 1024 * (reopened[-1].added_anon_kib - reopened[0].added_anon_kib)
        slope = added / (grown[-1].rows - grown[0].rows)
        note += f"It grows by {slope:.1f} bytes a vector (promised ≤ {SLOPE_MAX}). "
    budget_mib = EngineOptions().memory_budget_bytes / 1024**2
    note += (
        f"Peak: while inserting and merging; promised ≤ the budget of {budget_mib:.0f} MiB + "
        f"{BEYOND_BUDGET_MIB} MiB. After deleting {DELETED_SHARE:.0%} of the largest store and merging, "
        f"{left_bytes / grown[-1].disk_bytes:.1%} of its disk is left."
    )
    return Table("Growth", heads + seen, rows, note)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench growth", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES), help="sizes, in thousands' steps")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the Markdown file to write into")
    options = parser.parse_args(arguments)
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    grown, reopened, left_bytes = [], [], 0
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="asteroid-bench-") as folder:
            console.print(f"{rows:,} rows …")
            grown.append(alone(grow, f"{folder}/store", rows))
            reopened.append(alone(reopen, f"{folder}/store"))
            if rows == options.rows[-1]:
                left_bytes = alone(thin_out, f"{folder}/store", rows)
    made = [table(grown, reopened, left_bytes)]
    report.show(made, console)
    command = "python -m ops.bench growth --rows " + " ".join(map(str, options.rows))
    lines = [
        f"{date}, on {machine.describe()}; load average at the start {load}. Clusters, l2, one writer, "
        f"batches of {BATCH_ROWS:,}.",
        "",
        f"    {command}",
        "",
    ]
    try:
        from ops.bench.endurance import plot
    except ImportError:
        console.print("matplotlib is not installed, so no picture is drawn.")
    else:
        plot.draw_growth(grown, reopened, options.results.with_name("memory.png"))
        lines += ["![Memory by the number of rows](memory.png)", ""]
    report.keep(report.section(f"Growth, × {DIM}", lines, made), options.results)
