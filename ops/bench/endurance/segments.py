"""How many segments there are while rows come as fast as they can: `python -m ops.bench segments --help`.

One writer loads synthetic rows, in clusters, while the number of segments is sampled; then the store settles.
Beside it, the time that hnswlib takes to build one graph of the same rows with two threads.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import msgspec
import numpy as np
from rich.console import Console

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench import machine, report
from ops.bench.endurance.asking import Vectors, until_settled
from ops.bench.endurance.growth import PeakAnon, alone
from ops.bench.tables import Table
from ops.bench.workload import BATCH_ROWS

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
ROWS, DIM, CENTRES, SPREAD = 400_000, 50, 1000, 0.7
SAMPLE_S = 0.02
PEER_THREADS = 2
LINKS, EF_CONSTRUCTION = 16, 100
console = Console()


class Sample(msgspec.Struct, frozen=True):
    """What there was at one moment."""

    at_s: float
    rows: int
    segments: int
    tail_rows: int


class Followed(msgspec.Struct, frozen=True):
    """A load, from its first row until nothing is merged any more."""

    rows: int
    dim: int
    loaded_s: float
    flushed_s: float
    settled_s: float
    peak_anon_kib: int
    samples: list[Sample]

    @property
    def most(self) -> int:
        """The most segments that were seen."""
        return max(sample.segments for sample in self.samples)

    def longest_above_s(self, segments: int) -> float:
        """The longest time for which there were more than so many."""
        longest_s, since_s = 0.0, None
        for sample in self.samples:
            if sample.segments <= segments:
                since_s = None
                continue
            since_s = sample.at_s if since_s is None else since_s
            longest_s = max(longest_s, sample.at_s - since_s)
        return longest_s


def rows_of(first: int, rows: int, dim: int) -> Vectors:
    """Clustered rows, the same for a place each time."""
    centres = np.random.default_rng(0).normal(size=(CENTRES, dim))
    random = np.random.default_rng(first + 1)
    drawn = centres[random.integers(0, CENTRES, rows)] + SPREAD * random.normal(size=(rows, dim))
    return drawn.astype(np.float32)


def follow(folder: str, rows: int, dim: int) -> Followed:
    """Loads a store with one writer at full speed."""
    return anyio.run(_follow, folder, rows_of(0, rows, dim))


async def _follow(folder: str, vectors: Vectors) -> Followed:
    samples: list[Sample] = []
    rows = len(vectors)
    with PeakAnon() as peak:
        async with Engine.open(folder, EngineOptions()) as engine, anyio.create_task_group() as group:
            await engine.ready()
            await engine.create_index(vectors.shape[1], "l2")
            began_s = time.perf_counter()

            async def watch() -> None:
                while True:
                    stats = engine.stats()
                    at_s = time.perf_counter() - began_s
                    samples.append(Sample(at_s, stats.vectors, stats.segments, stats.tail_rows))
                    await anyio.sleep(SAMPLE_S)

            group.start_soon(watch)
            for first in range(0, rows, BATCH_ROWS):
                some = vectors[first : first + BATCH_ROWS]
                await engine.upsert(np.arange(first, first + len(some), dtype=np.uint64), some, None)
            loaded_s = time.perf_counter() - began_s
            await engine.flush()
            flushed_s = time.perf_counter() - began_s
            settled_s = await until_settled(engine) - began_s
            group.cancel_scope.cancel()
    return Followed(rows, vectors.shape[1], loaded_s, flushed_s, settled_s, peak.kib, samples)


def build_peer(rows: int, dim: int) -> float | None:
    """Seconds that hnswlib takes over the same rows; None where it is not installed."""
    try:
        import hnswlib
    except ImportError:
        return None
    index = hnswlib.Index("l2", dim)
    index.init_index(rows, M=LINKS, ef_construction=EF_CONSTRUCTION)
    vectors = rows_of(0, rows, dim)
    began_s = time.perf_counter()
    index.add_items(vectors, num_threads=PEER_THREADS)
    return time.perf_counter() - began_s


def tables(followed: Followed, peer_s: float | None) -> list[Table]:
    """The load as a whole, and second by second."""
    bound = EngineOptions().segments_bound
    ratio = "hnswlib is not installed" if peer_s is None else f"{followed.settled_s / peer_s:.2f}"
    rows = [
        ("all rows acknowledged after", f"{followed.loaded_s:.1f} s"),
        ("all rows in segments after", f"{followed.flushed_s:.1f} s"),
        ("settled after", f"{followed.settled_s:.1f} s"),
        (f"hnswlib, {PEER_THREADS} threads", "-" if peer_s is None else f"{peer_s:.1f} s"),
        ("settled, times hnswlib's", ratio),
        ("most segments", str(followed.most)),
        (f"longest with more than {bound}", f"{followed.longest_above_s(bound):.1f} s"),
        ("segments at the end", str(followed.samples[-1].segments)),
        ("peak RssAnon", f"{followed.peak_anon_kib / 1024:.0f} MiB"),
    ]
    seconds = {int(sample.at_s): sample for sample in reversed(followed.samples)}
    course = [
        (str(second), f"{sample.rows:,}", str(sample.segments), f"{sample.tail_rows:,}")
        for second, sample in sorted(seconds.items())
        if sample.at_s < followed.settled_s + 1
    ]
    title = f"Loading {followed.rows:,} × {followed.dim} at full speed"
    return [
        Table(title, ("", ""), rows, "Times from the first row on."),
        Table("Second by second", ("second", "rows", "segments", "rows in the tail"), course, ""),
    ]


def main(arguments: Sequence[str]) -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench segments", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--results", type=Path, help="the Markdown file to write into (default: none)")
    options = parser.parse_args(arguments)
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    with tempfile.TemporaryDirectory(prefix="asteroid-bench-") as folder:
        followed = alone(follow, f"{folder}/store", options.rows, options.dim)
    made = tables(followed, alone(build_peer, options.rows, options.dim))
    report.show(made, console)
    if options.results is None:
        return
    command = f"python -m ops.bench segments --rows {options.rows} --dim {options.dim}"
    lines = [
        f"{date}, on {machine.describe()}; load average at the start {load}. Clusters, l2, one writer, "
        f"batches of {BATCH_ROWS:,}.",
        "",
        f"    {command}",
        "",
    ]
    report.keep(report.section("Segments while loading", lines, made[:1]), options.results)
