"""Rows come and go for many epochs: `python -m ops.bench churn --help`.

The protocol is that of the LSM-VEC follow-up: a base of N rows, a disjoint pool to insert from, and epochs
of 0.9 % inserts and 0.1 % deletes of N; a second variant gives 5 % of the ids a new vector each epoch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import numpy as np
from rich.console import Console

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench import machine, report
from ops.bench.data import prepare
from ops.bench.endurance.asking import Ids, Vectors, ask, nearest, recall, until_settled
from ops.bench.endurance.figures import Epoch
from ops.bench.memory import bytes_under, memory_of
from ops.bench.tables import Table

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
POOL_SHARE = 1 / 3
INSERTS, DELETES, UPDATES = 0.009, 0.001, 0.05
SHOWN_EVERY = 5
NOISE = 0.02
RECALL_LOSS_MAX, P99_OVER_P50_MAX = 0.005, 3.0
console = Console()


class Churn:
    """A store, and the rows that it should hold."""

    def __init__(self, engine: Engine, folder: Path, base: Vectors, pool: Vectors, queries: Vectors) -> None:
        self.engine, self.folder, self.queries, self.pool = engine, folder, queries, pool
        self.vectors, self.ids = base, np.arange(len(base), dtype=np.uint64)
        self.size, self.next_id = len(base), len(base)
        self.random = np.random.default_rng(1)
        self.anon_before_kib = memory_of().anon_kib

    async def load(self) -> None:
        """Inserts the base in batches and waits for merges to end."""
        await self.engine.create_index(self.vectors.shape[1], "cosine")
        await self._upsert(self.ids, self.vectors)
        await self.engine.flush()
        await until_settled(self.engine)

    async def insert_and_delete(self) -> int:
        """One epoch of the first variant; returns the number of writes."""
        added, gone = int(INSERTS * self.size), int(DELETES * self.size)
        rows, self.pool = self.pool[:added], self.pool[added:]
        ids = np.arange(self.next_id, self.next_id + added, dtype=np.uint64)
        self.next_id += added
        await self._upsert(ids, rows)
        dead = self.random.choice(len(self.ids), gone, replace=False)
        await self.engine.delete(self.ids[dead])
        self.ids = np.concatenate([np.delete(self.ids, dead), ids])
        self.vectors = np.concatenate([np.delete(self.vectors, dead, axis=0), rows])
        return added + gone

    async def update(self) -> int:
        """One epoch of the second variant."""
        chosen = self.random.choice(len(self.ids), int(UPDATES * self.size), replace=False)
        others = self.vectors[self.random.permutation(len(self.vectors))[: len(chosen)]]
        rows = others + NOISE * self.random.normal(size=others.shape).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        await self._upsert(self.ids[chosen], rows)
        self.vectors[chosen] = rows
        return len(chosen)

    async def measured(self, number: int, writes: int, seconds: float) -> Epoch:
        """Searches, and takes all figures of one epoch."""
        found, timing = ask(self.engine, self.queries)
        truth = nearest(self.vectors, self.ids, self.queries)
        await anyio.sleep(0)
        return Epoch(
            number,
            len(self.ids),
            recall(found, truth),
            timing.p50_ms,
            timing.p99_ms,
            writes / seconds if writes else 0.0,
            (memory_of().anon_kib - self.anon_before_kib) / 1024,
            bytes_under(self.folder) / 1024**2,
            self.engine.stats().segments,
        )

    async def _upsert(self, ids: Ids, vectors: Vectors) -> None:
        for start in range(0, len(ids), 1000):
            await self.engine.upsert(ids[start : start + 1000], vectors[start : start + 1000], None)


async def run(variant: str, epochs: int, folder: Path, data: Vectors, queries: Vectors) -> list[Epoch]:
    """All epochs of one variant; epoch 0 is the base."""
    pool_rows = int(POOL_SHARE * len(data))
    base, pool = data[:-pool_rows].copy(), data[-pool_rows:]
    async with Engine.open(str(folder), EngineOptions()) as engine:
        await engine.ready()
        churn = Churn(engine, folder, base, pool, queries)
        await churn.load()
        history = [await churn.measured(0, 0, 1.0)]
        for number in range(1, epochs + 1):
            began_s = time.perf_counter()
            writes = await (churn.insert_and_delete() if variant == "inserts" else churn.update())
            seconds = time.perf_counter() - began_s
            await engine.flush()
            history.append(await churn.measured(number, writes, seconds))
    return history


def unit(rows: Vectors) -> Vectors:
    """The rows at length 1, so that the nearest by cosine are the nearest by distance."""
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def table(variant: str, history: Sequence[Epoch]) -> Table:
    """The table: every few epochs, and whether the promises hold over all of them."""
    heads = ("epoch", "rows", "recall@10", "p50 ms", "p99 ms", "writes/s", "RssAnon", "disk", "segments")
    rows: list[tuple[str, ...]] = [
        (
            str(e.number),
            f"{e.rows:,}",
            f"{e.recall:.4f}",
            f"{e.p50_ms:.3f}",
            f"{e.p99_ms:.3f}",
            f"{e.writes_per_s:,.0f}",
            f"{e.anon_mib:.0f} MiB",
            f"{e.disk_mib:.0f} MiB",
            str(e.segments),
        )
        for e in history
        if e.number % SHOWN_EVERY == 0 or e is history[-1]
    ]
    loss = history[0].recall - min(e.recall for e in history)
    tail = float(np.median([e.p99_ms / e.p50_ms for e in history]))
    note = (
        f"Over all epochs: recall lost at most {loss:.4f} (promised ≤ {RECALL_LOSS_MAX}), p99 / p50 "
        f"{tail:.1f} in the median (promised ≤ {P99_OVER_P50_MAX:g}), at most "
        f"{max(e.segments for e in history)} segments. RssAnon is what was added since the engine was "
        "opened; merges go on beside the searches."
    )
    return Table(f"Churn: {variant}", heads, rows, note)


def main(arguments: Sequence[str]) -> None:
    """Prepares the data, measures, prints and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench churn", description=__doc__)
    parser.add_argument("--base", type=Path, help=".npy of vectors, a row each (default: the sample)")
    parser.add_argument("--queries", type=Path, help=".npy of queries (default: every 20th row, held out)")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the Markdown file to write into")
    options = parser.parse_args(arguments)
    load, date, tables, name = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d"), [], ""
    histories: dict[str, Sequence[Epoch]] = {}
    for variant in ("inserts and deletes", "updates"):
        with tempfile.TemporaryDirectory(prefix="asteroid-bench-") as folder:
            dataset = prepare(Path(folder), options.base, options.queries, None, "cosine")
            data, queries = unit(dataset.base_rows()), unit(dataset.query_rows())
            name = dataset.name
            console.print(f"{variant} …")
            history = anyio.run(
                run, variant.split()[0], options.epochs, Path(folder) / "store", data, queries
            )
        tables.append(table(variant, history))
        histories[variant] = history
    report.show(tables, console)
    lines = [f"{date}, on {machine.describe()}; load average at the start {load}. Cosine, ef 128.", ""]
    words = ["python -m ops.bench churn", f"--epochs {options.epochs}"]
    words += [f"--base {options.base.name}"] if options.base else []
    words += [f"--queries {options.queries.name}"] if options.queries else []
    lines += [f"    {' '.join(words)}", ""]
    try:
        from ops.bench.endurance import plot
    except ImportError:
        console.print("matplotlib is not installed, so no picture is drawn.")
    else:
        plot.draw_churn(histories, options.results.with_name("churn.png"))
        lines += ["![Churn](churn.png)", ""]
    report.keep(report.section(f"Churn, {name}", lines, tables), options.results)
