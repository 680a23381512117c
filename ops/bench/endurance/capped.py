"""Search with less memory than the store has bytes: `python -m ops.bench capped --help`.

A store is built at once, dropped from the page cache, and opened again in a process whose memory, page cache
included, a control group bounds. Without the right to make one the measurement is refused.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import msgspec
import numpy as np
from rich.console import Console

from asteroid_cloud.indexer import Engine, EngineOptions
from ops.bench import machine, report
from ops.bench.endurance.asking import ask
from ops.bench.endurance.growth import DIM, alone, rows_of
from ops.bench.job import ROOT
from ops.bench.memory import bytes_under, memory_of
from ops.bench.tables import Table
from ops.bench.workload import BATCH_ROWS

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
ROWS, CAP_MIB = 400_000, 192
ROUNDS = 5
WRITTEN, ASKED_FOR = 2_000, 100
UNSEEN = 10_000
"""The number of the first batch that no store holds."""
GROUPS = Path("/sys/fs/cgroup")
console = Console()


class Served(msgspec.Struct, frozen=True):
    """A process that opened the store, searched it and wrote to it."""

    first_per_s: float
    """The first thousand searches: pages come from the disk."""
    per_s: float
    p99_ms: float
    rows_found: int
    """Of ``ASKED_FOR`` rows written during the searches, how many a search finds in the first place."""
    anon_kib: int
    file_kib: int


def build(folder: str, rows: int) -> None:
    """Bulk-loads a store."""
    anyio.run(_build, folder, rows)


async def _build(folder: str, rows: int) -> None:
    async with Engine.open(folder, EngineOptions()) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as load:
            for number in range(rows // BATCH_ROWS):
                await load.rows(rows_of(number))
            await load.commit(threads=os.cpu_count() or 1)
        await engine.flush()


def drop_from_cache(folder: Path) -> None:
    """Drops the pages of a folder's files from the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            try:
                os.fsync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


async def serve(folder: str) -> Served:
    """Searches in rounds, writes some rows, and measures its memory."""
    queries = rows_of(-1).copy()
    async with Engine.open(folder, EngineOptions(memory_budget_bytes=32 << 20)) as engine:
        await engine.ready()
        _, first = ask(engine, queries)
        rounds = [ask(engine, rows_of(UNSEEN + number))[1] for number in range(ROUNDS)]
        ids = np.arange(WRITTEN, dtype=np.uint64) + 10**9
        for start in range(0, WRITTEN, BATCH_ROWS):
            await engine.upsert(ids[start : start + BATCH_ROWS], rows_of(UNSEEN + start // BATCH_ROWS), None)
        found, _ = ask(engine, rows_of(UNSEEN)[:ASKED_FOR])
        rows_found, memory = int(np.sum(found[:, 0] == ids[:ASKED_FOR])), memory_of()
    middle = sorted(rounds, key=lambda timing: timing.per_s)[ROUNDS // 2]
    return Served(first.per_s, middle.per_s, middle.p99_ms, rows_found, memory.anon_kib, memory.file_kib)


@contextmanager
def control_group(bytes_max: int) -> Iterator[Path]:
    """A control group with a memory limit; raises OSError where none can be made."""
    own = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    is_second_version = (GROUPS / "cgroup.controllers").exists()
    parent = GROUPS / own.get("", "/").lstrip("/") if is_second_version else None
    if parent is None and "memory" not in own:
        raise OSError("this process is in no control group that bounds memory")
    if parent is None:
        parent = GROUPS / "memory" / own["memory"].lstrip("/")
    group = parent / f"asteroid-bench-{os.getpid()}"
    group.mkdir()
    try:
        limit = "memory.max" if is_second_version else "memory.limit_in_bytes"
        (group / limit).write_text(str(bytes_max))
        yield group
    finally:
        group.rmdir()


def served(folder: Path, cap_mib: int | None) -> Served:
    """The same in a process of its own, under a memory limit if there is one."""
    drop_from_cache(folder)
    command = [sys.executable, "-m", "ops.bench.endurance.capped", str(folder)]
    if cap_mib is None:
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
    else:
        with control_group(cap_mib << 20) as group:
            # The shell joins the group first, so that every page of the program counts.
            joining = ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"), *command]
            output = subprocess.run(joining, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
    return msgspec.json.decode(output, type=Served)


def table(rows: int, disk_bytes: int, free: Served, capped: Served, cap_mib: int) -> Table:
    """With the limit and without."""
    heads = ("memory", "first 1,000, QPS", "QPS", "p99 ms", "RssAnon", "RssFile")
    lines = [
        (
            name,
            f"{each.first_per_s:,.0f}",
            f"{each.per_s:,.0f}",
            f"{each.p99_ms:.2f}",
            f"{each.anon_kib / 1024:.0f} MiB",
            f"{each.file_kib / 1024:.0f} MiB",
        )
        for name, each in (("unbounded", free), (f"≤ {cap_mib} MiB", capped))
    ]
    note = (
        f"{rows:,} × {DIM}, {disk_bytes / 2**20:.0f} MiB on the disk. The bound is a control group's and "
        "holds for the whole process, its page cache included. ef 128, one query a call, new queries in each "
        f"round; {WRITTEN:,} rows are written meanwhile, and of {ASKED_FOR} of them {capped.rows_found} are "
        "found first when asked for."
    )
    return Table("Less memory than data", heads, lines, note)


def main(arguments: Sequence[str]) -> None:
    """Builds, measures, prints and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench capped", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--cap-mib", type=int, default=CAP_MIB)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the Markdown file to write into")
    options = parser.parse_args(arguments)
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    with tempfile.TemporaryDirectory(prefix="asteroid-bench-") as name:
        folder = Path(name) / "store"
        console.print(f"building {options.rows:,} rows …")
        alone(build, str(folder), options.rows)
        disk_bytes = bytes_under(folder)
        free = served(folder, None)
        try:
            capped = served(folder, options.cap_mib)
        except OSError as error:
            sys.exit(f"ops.bench capped: no control group can be made here: {error}")
    made = [table(options.rows, disk_bytes, free, capped, options.cap_mib)]
    report.show(made, console)
    lines = [f"{date}, on {machine.describe()}; load average at the start {load}. Clusters, l2.", ""]
    lines += [f"    python -m ops.bench capped --rows {options.rows} --cap-mib {options.cap_mib}", ""]
    report.keep(report.section("Capped", lines, made), options.results)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(anyio.run(serve, sys.argv[1])))
