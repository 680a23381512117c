"""Many collections on one server: memory, start, first touch, idleness, and searches beside a load.

A server with so many collections is started anew; a few are in use, each loaded and searched. Then one is
searched alone, and once more while another one is loaded at full speed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import msgspec
import numpy as np

from ops.bench.collections import embedded as embedded_searches
from ops.bench.collections.process import descriptors_of, processor_share, threads_of, watched
from ops.bench.collections.wire import Wire, batch, search_for, searches, vectors
from ops.bench.memory import memory_of
from ops.bench.timing import Timing, timing_of
from ops.server import Server

QUIET = ("--log-level", "error")
IDLE_S = 10.0
SETTLE_S = 12.0
"""How long nothing must be built before the server counts as idle: threads that wait for work end in 10 s."""
ROOT = Path(__file__).resolve().parents[3]


class Found(msgspec.Struct, kw_only=True):
    """All figures; memory in MiB, times in milliseconds unless the name says otherwise."""

    collections: int
    active: int
    dim: int
    budget_mib: int
    make_ms: float
    ready_s: float
    anon_ready: float
    touch_p50: float
    touch_p99: float
    anon_active: float
    rows_per_s: float
    refused: int
    active_search: Timing
    threads: int
    descriptors: int
    idle_share: float
    quiet: Timing
    beside_load: Timing
    load_rows_per_s: float
    embedded_quiet: Timing
    embedded_beside_load: Timing
    embedded_rows_per_s: float


def main(arguments: Sequence[str]) -> None:
    """Measures, and prints a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench collections", description=__doc__)
    parser.add_argument("--collections", type=int, default=1000)
    parser.add_argument("--active", type=int, default=10)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rows", type=int, default=100, help="of each collection at the start")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each load")
    parser.add_argument("--budget-mib", type=int, default=64)
    parser.add_argument("--data", type=Path, help="a folder that keeps the collections for the next time")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="asteroid-collections-") as folder:
        found = measure(options.data or Path(folder), options)
    sys.stdout.write(table(found))


def measure(folder: Path, options: argparse.Namespace) -> Found:
    """All phases, on one data directory."""
    names, dim = [f"c{number:04}" for number in range(options.collections)], options.dim
    budget = ("--memory-budget", f"{options.budget_mib}MiB")
    with Server(folder, *QUIET, *budget) as server:
        there = Wire(server.url).ask("GET", "/v1/collections")["collections"]
        new = sorted(set(names) - {each["name"] for each in there})
        make_ms = _make(server.url, new, dim, options.rows)
    began_s = time.perf_counter()
    with Server(folder, *QUIET, *budget) as server:
        wire, pid = Wire(server.url), server.process.pid
        _first(wire, names[-1], dim)
        ready_s = time.perf_counter() - began_s
        anon_ready = memory_of(pid).anon_kib / 1024
        touches = [_first(wire, name, dim) for name in names[options.active : options.active + 200]]
        with watched(pid) as peak:
            loads, active = _use(server.url, names[: options.active], dim, options.seconds)
        _settle(wire, names[: options.active])
        threads, descriptors = threads_of(pid), descriptors_of(pid)
        idle_share = processor_share(pid, IDLE_S)
        quiet, beside, rows_per_s = _beside(server.url, names, dim, options.seconds)
    with tempfile.TemporaryDirectory(prefix="asteroid-collections-") as inside:
        embedded = embedded_searches.measure(Path(inside), dim, options.seconds, options.budget_mib)
    touch_p50, touch_p99 = np.percentile(np.asarray(touches) * 1e3, [50, 99])
    return Found(
        collections=options.collections,
        active=options.active,
        dim=dim,
        budget_mib=options.budget_mib,
        make_ms=make_ms,
        ready_s=ready_s,
        anon_ready=anon_ready,
        touch_p50=float(touch_p50),
        touch_p99=float(touch_p99),
        anon_active=peak.anon_mib,
        rows_per_s=sum(rows / seconds for rows, seconds, _ in loads),
        refused=sum(refused for _, _, refused in loads),
        active_search=active,
        threads=threads,
        descriptors=descriptors,
        idle_share=idle_share,
        quiet=quiet,
        beside_load=beside,
        load_rows_per_s=rows_per_s,
        embedded_quiet=embedded[0],
        embedded_beside_load=embedded[1],
        embedded_rows_per_s=embedded[2],
    )


def _make(url: str, names: Sequence[str], dim: int, rows: int) -> float:
    """Makes collections, with a few rows each; how long one took on average."""
    wire, body = Wire(url), batch(0, vectors(rows, dim, 1))
    began_s = time.perf_counter()
    for name in names:
        wire.ask("PUT", f"/v1/collections/{name}", b'{"dim":%d,"metric":"cosine"}' % dim)
        wire.ask("POST", f"/v1/collections/{name}/vectors/batch", body)
    return (time.perf_counter() - began_s) / max(1, len(names)) * 1e3


def _settle(wire: Wire, names: Sequence[str]) -> None:
    """Returns once nothing has been built for a while."""
    still_since_s = time.perf_counter()
    while time.perf_counter() - still_since_s < SETTLE_S:
        for name in names:
            stats = wire.ask("GET", f"/v1/collections/{name}/stats")
            if stats["building"] or stats["merging"] or stats["tail_rows"]:
                still_since_s = time.perf_counter()
        time.sleep(0.5)


def _first(wire: Wire, name: str, dim: int) -> float:
    """Seconds that the first search of a collection takes, which opens it."""
    body = searches(dim, 7)[0]
    began_s = time.perf_counter()
    wire.ask("POST", f"/v1/collections/{name}/search", body)
    return time.perf_counter() - began_s


def _use(
    url: str, names: Sequence[str], dim: int, seconds: float
) -> tuple[list[tuple[int, float, int]], Timing]:
    """Loads all of these at once and searches each in turn: what the loads did, and the searches' times."""
    bodies, taken = searches(dim, 2), list[float]()
    with _loading(url, names, dim, seconds) as loads:
        wire, until_s = Wire(url), time.perf_counter() + seconds
        while time.perf_counter() < until_s:
            for name in names:
                taken += search_for(wire, name, bodies, 0.05)
    return loads, timing_of(taken, seconds)


def _beside(url: str, names: Sequence[str], dim: int, seconds: float) -> tuple[Timing, Timing, float]:
    """Searches of one collection alone, and while another one is loaded; and how fast that was."""
    wire, bodies = Wire(url), searches(dim, 3)
    search_for(wire, names[0], bodies, 1.0)
    quiet = timing_of(search_for(wire, names[0], bodies, seconds), seconds)
    with _loading(url, [names[-2]], dim, seconds) as loads:
        beside = timing_of(search_for(wire, names[0], bodies, seconds), seconds)
    return quiet, beside, loads[0][0] / loads[0][1]


@contextmanager
def _loading(
    url: str, names: Sequence[str], dim: int, seconds: float
) -> Iterator[list[tuple[int, float, int]]]:
    """Loads each collection from a process of its own; the list has rows, seconds and refusals afterwards."""
    how = [
        sys.executable,
        "-m",
        "ops.bench.collections.load",
        url,
        "--dim",
        f"{dim}",
        "--seconds",
        f"{seconds}",
    ]
    processes = [Popen([*how, name], stdin=PIPE, stdout=PIPE, text=True, cwd=ROOT) for name in names]
    for process in processes:
        _line(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    loads: list[tuple[int, float, int]] = []
    try:
        yield loads
    finally:
        for process in processes:
            rows, elapsed_s, refused = _line(process).split()
            loads.append((int(rows), float(elapsed_s), int(refused)))
            process.wait()


def _line(process: Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def table(found: Found) -> str:
    """The figures in Markdown."""
    rows = {
        f"RssAnon, {found.collections:,} collections, one open": f"{found.anon_ready:.0f} MiB",
        f"RssAnon, at most, {found.active} loaded and searched": f"{found.anon_active:.0f} MiB",
        "started and a first search answered": f"{found.ready_s:.2f} s",
        "first touch, p50 / p99": f"{found.touch_p50:.0f} / {found.touch_p99:.0f} ms",
        f"loading {found.active}, together": f"{found.rows_per_s:,.0f} rows/s, {found.refused} refused",
        "searches meanwhile, p50 / p99": _shown(found.active_search),
        "threads / descriptors after it": f"{found.threads} / {found.descriptors}",
        "processor, idle": f"{100 * found.idle_share:.2f}%",
        "searches of one, quiet, p50 / p99": _shown(found.quiet),
        "… while another one is loaded": _shown(found.beside_load),
        "… which gets": f"{found.load_rows_per_s:,.0f} rows/s",
        "embedded: searches of one, quiet, p50 / p99": _shown(found.embedded_quiet),
        "embedded: … while another one is loaded": _shown(found.embedded_beside_load),
        "embedded: … which gets": f"{found.embedded_rows_per_s:,.0f} rows/s",
        "making one, with its first rows": f"{found.make_ms:.0f} ms",
    }
    head = f"{found.collections:,} collections × {found.dim}, a budget of {found.budget_mib} MiB"
    lines = [f"| {head} | |", "| --- | --: |", *(f"| {what} | {value} |" for what, value in rows.items())]
    return "\n".join(lines) + "\n"


def _shown(timing: Timing) -> str:
    return f"{timing.p50_ms:.2f} / {timing.p99_ms:.2f} ms"
