"""The results as plain tables of text, for the terminal and for Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ops.bench.memory import Memory
from ops.bench.results import Loaded, Pressed, Restarted, Results, Searched

FLOAT32_BYTES = 4

Rows = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """The first column holds names, the others figures."""

    title: str
    heads: tuple[str, ...]
    rows: Rows
    note: str = ""


def tables(results: Results) -> list[Table]:
    """All tables of a run, in the order to be read."""
    return [
        insertion({"embedded": results.embedded, "HTTP": results.http}),
        restart(results.restarted),
        memory(results.restarted, results.searched),
        curve(results.searched),
        *filters(results.searched),
        pressure(results.pressed),
        disk(results),
    ]


def insertion(loads: dict[str, Loaded]) -> Table:
    """Rates of one writer."""
    heads = ("", "durable rows/s", "indexed rows/s", "settled", "segments", "peak")
    rows: Rows = [
        (
            way,
            count(load.rows / load.acknowledged_s),
            count(load.rows / load.indexed_s),
            seconds(load.settled_s),
            str(load.segments),
            mebibytes(load.memory.peak_kib),
        )
        for way, load in loads.items()
    ]
    note = (
        "One writer, `insert_batch`, batches of 1,000 with their payloads. Durable: acknowledged after its "
        "fsync, and searchable. Indexed: all of it in segment files with their graphs; a server waits for "
        "a quiet moment with the last rows, which counts here. Settled: merges have ended too, after that "
        "time. Peak: VmHWM of the process that has the store; embedded, it counts the mapped vectors too."
    )
    return Table("Insertion", heads, rows, note)


def restart(restarted: Restarted) -> Table:
    """The times of a restart."""
    rows: Rows = [
        ("process start to the first 200 of /ready", seconds(restarted.ready_s)),
        ("the engine alone, open to ready", seconds(restarted.opened_s)),
    ]
    return Table("Restart", ("", "time"), rows)


def memory(restarted: Restarted, searched: dict[str, Searched]) -> Table:
    """Memory after a restart."""
    after = f"after {restarted.searches:,} searches"
    rows: Rows = [
        _memory_row("imports of the server alone", restarted.imports),
        _memory_row("server, ready", restarted.idle),
        _memory_row(f"server, {after}", restarted.searched),
    ]
    for way, each in searched.items():
        if each.imports is not None and each.memory is not None:
            rows.append(_memory_row(f"{way}: imports alone", each.imports))
            rows.append(_memory_row(f"{way}, {after}", each.memory))
    note = (
        "RssAnon is memory that stays; RssFile is mapped files, which the system takes back when it needs to."
    )
    return Table("Memory after a restart", ("process", "RssAnon", "RssFile"), rows, note)


def _memory_row(name: str, figures: Memory) -> tuple[str, ...]:
    return name, mebibytes(figures.anon_kib), mebibytes(figures.file_kib)


def curve(searched: dict[str, Searched]) -> Table:
    """Recall and rate by breadth."""
    rows: Rows = [
        (
            f"{way}, ef {point.ef}",
            f"{point.recall:.4f}",
            count(point.timing.per_s),
            f"{point.timing.p50_ms:.3f}",
            f"{point.timing.p99_ms:.3f}",
        )
        for way, each in searched.items()
        for point in each.curve
    ]
    note = (
        "k = 10, one query a call, one thread; recall against exact float32 distances, ties counted. "
        "Native: the query layer called on a snapshot. Embedded: the blocking store. HTTP: the blocking "
        "client on one connection, its own work included."
    )
    return Table("Search", ("", "recall@10", "QPS", "p50 ms", "p99 ms"), rows, note)


def filters(searched: dict[str, Searched]) -> Iterator[Table]:
    """Searches among the matches of a filter; nothing without payloads."""
    rows: Rows = []
    for way, each in searched.items():
        for point in each.filtered:
            rows.append(
                (
                    f"{way}, r < {point.below}",
                    count(point.matches),
                    f"{point.recall:.4f}",
                    f"{point.cold_ms:.1f}",
                    count(point.timing.per_s),
                    f"{point.timing.p50_ms:.3f}",
                    f"{point.timing.p99_ms:.3f}",
                )
            )
    if rows:
        heads = ("", "matches", "recall@10", "first ms", "then QPS", "p50 ms", "p99 ms")
        note = "ef 128, k = 10. First: the search that meets the filter for the first time and evaluates it."
        yield Table("Filtered search", heads, rows, note)


def pressure(pressed: Pressed) -> Table:
    """The server with many writers."""
    is_bound = "metrics" in pressed.lag_source
    rows: Rows = [
        ("rows inserted a second, all writers", count(pressed.rows_per_s)),
        ("searches a second meanwhile", count(pressed.search.per_s)),
        ("search p50 / p99", f"{pressed.search.p50_ms:.1f} / {pressed.search.p99_ms:.1f} ms"),
        ("event loop lag p99", lag(pressed.lag_p99_ms, is_bound)),
        ("event loop lag, the longest", lag(pressed.lag_longest_ms, is_bound)),
        ("peak memory of the server", mebibytes(pressed.memory.peak_kib)),
    ]
    note = (
        f"Batches of 1,000 rows without payloads for {pressed.seconds:.0f} s, one thread searching with "
        f"ef 128; writers, searcher and server share the cores. Lag: {pressed.lag_source}, "
        f"{pressed.lag_samples:,} observations."
    )
    return Table(f"{pressed.writers} writers and a searcher", ("", "figure"), rows, note)


def disk(results: Results) -> Table:
    """The disk space of the settled store."""
    load = results.http
    raw = load.rows * results.dim * FLOAT32_BYTES
    rows: Rows = [
        ("vectors as float32, for comparison", mebibytes(raw / 1024)),
        ("segments, payloads in them", mebibytes(load.segment_bytes / 1024)),
        ("log", mebibytes(load.log_bytes / 1024)),
        ("the whole folder", mebibytes(load.disk_bytes / 1024)),
    ]
    return Table("Disk, once settled", ("", "size"), rows)


def lag(value_ms: float, is_bound: bool) -> str:
    """A lag, or the upper bound of its bucket; the last bucket has none."""
    if math.isinf(value_ms):
        return "beyond the histogram"
    return f"{'≤ ' if is_bound else ''}{value_ms:.1f} ms"


def count(value: float) -> str:
    """A rounded number with commas between thousands."""
    return f"{value:,.0f}"


def seconds(value: float) -> str:
    """Seconds, with more digits when they are few."""
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def mebibytes(kib: float) -> str:
    """Kibibytes as MiB."""
    return f"{kib / 1024:,.1f} MiB"
