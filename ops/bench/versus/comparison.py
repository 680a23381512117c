"""A run as tables: the figures of each system, and those of this store divided by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ops.bench.tables import Rows, Table, count, mebibytes
from ops.bench.versus.building import BUILD_THREADS
from ops.bench.versus.figures import RECALLS, Figures, Run, rate_at, ratio
from ops.bench.versus.rounds import THREADS, THREADS_BREADTH

UNKNOWN = "–"


def tables(run: Run) -> list[Table]:
    """All tables, in the order to be read."""
    return [ratios(run), rates(run), building(run), memory(run), curves(run)]


def heading(run: Run) -> str:
    """The section that a run writes."""
    return f"{run.dataset}, beside other systems"


def preface(run: Run) -> list[str]:
    """What was measured, on what and how."""
    return [
        f"{run.rows:,} × {run.dim}, of length 1, without payloads; {run.queries:,} queries "
        f"({run.queries_origin}); k = 10, one query a call, one thread.",
        f"{run.date}, on {run.machine}; load average at the start {run.load}.",
        "",
        f"    {run.command}",
        "",
        *(f"Not measured to the end: {failure}\n" for each in run.systems for failure in _failures(each)),
    ]


def ratios(run: Run) -> Table:
    """The figures of this store divided by those of each other system."""
    ours, *others = run.systems
    rows = [
        (each.label, *(times(ratio(figure(ours), figure(each))) for figure in _FIGURES.values()))
        for each in others
    ]
    note = (
        "QPS and rows/s: above 1, this store does more. Memory and disk: below 1, it takes less. Figures as "
        f"in the tables below. {UNKNOWN}: one of the two has none."
    )
    return Table("This store ÷ another", ("", *_FIGURES), rows, note)


def rates(run: Run) -> Table:
    """Searches a second at a given recall."""
    rows: Rows = [
        (
            each.label,
            *(_or_unknown(rate_at(each.curve, recall), count) for recall in RECALLS),
            _or_unknown(each.threads_ratio, times),
        )
        for each in run.systems
    ]
    heads = ("", *(f"QPS at {recall:g}" for recall in RECALLS), "two threads ÷ one")
    note = (
        f"QPS at a recall@10, interpolated on the curves below: the medians of {run.passes} passes, for each "
        "of which every system was measured in turn while the others were idle. "
        f"{UNKNOWN}: no breadth reaches it. Threads: {THREADS} Python threads of one process, at breadth "
        f"{THREADS_BREADTH}."
    )
    return Table("Searches a second", heads, rows, note)


def building(run: Run) -> Table:
    """How fast each system is built, and the memory and disk that it takes."""
    rows: Rows = []
    for each in run.systems:
        inserted, built = each.inserted, each.built
        rows.append(
            (
                each.label,
                count(run.rows / inserted.acknowledged_s) if inserted else UNKNOWN,
                count(run.rows / inserted.indexed_s) if inserted else UNKNOWN,
                f"{inserted.settled_s:.1f} s" if inserted else UNKNOWN,
                mebibytes(inserted.memory.peak_kib) if inserted else UNKNOWN,
                count(run.rows / built.seconds) if built else UNKNOWN,
                mebibytes(built.memory.peak_kib) if built else UNKNOWN,
                _or_unknown(_disk(each), mebibytes),
            )
        )
    heads = ("", "rows/s", "indexed rows/s", "settled", "peak", "rows/s at once", "its peak", "disk")
    note = (
        "One writer, batches of 1,000. Rows/s: until the last batch was accepted, by which each system means "
        "its own: this store has it on the disk by then, hnswlib, faiss and usearch only in memory. Indexed: "
        "until all of it was in a graph and saved; this store does that in a background thread beside the "
        "writer, the others are held to one thread. Settled: until nothing went on any more; what is "
        "searched below is that, and for systems that take no single rows the one built at once. At once: "
        f"{BUILD_THREADS} threads, saving included; that peak counts the vectors handed over. Peaks are "
        "VmHWM of the process."
    )
    return Table("Building", heads, rows, note)


def memory(run: Run) -> Table:
    """What a reopened store holds in memory."""
    rows: Rows = []
    for each in run.systems:
        if each.opened is not None:
            now, before = each.opened.memory, each.opened.imports
            kinds = (now.anon_kib - before.anon_kib, now.file_kib - before.file_kib)
            imports = before.anon_kib + before.file_kib
            open_ms = f"{each.opened.seconds * 1e3:,.0f} ms"
            rows.append((each.label, *map(mebibytes, (*kinds, sum(kinds), imports)), open_ms))
    note = (
        "A new process, after opening and 1,000 searches at breadth 128, less what it held after its imports "
        "alone. RssAnon stays; RssFile is mapped files, which the system takes back when it needs to."
    )
    heads = ("", "RssAnon", "RssFile", "both", "imports alone", "opening")
    return Table("Memory, reopened", heads, rows, note)


def curves(run: Run) -> Table:
    """Recall and rate by breadth."""
    shown = [each for each in run.systems if each.curve]
    rows: Rows = [
        (
            str(first.breadth),
            *(f"{each.curve[place].recall:.3f} / {count(each.curve[place].per_s)}" for each in shown),
        )
        for place, first in enumerate(shown[0].curve if shown else [])
    ]
    note = "; ".join(f"{each.label}: {each.note}" for each in run.systems) + "."
    return Table("Recall@10 / QPS by breadth", ("breadth", *(each.label for each in shown)), rows, note)


def times(value: float | None) -> str:
    """A ratio."""
    return UNKNOWN if value is None else f"{value:.2f}×"


def _failures(each: Figures) -> Iterator[str]:
    """Each failure in a line: what happened, and the last thing that the system printed."""
    for failure in each.failures:
        what, *printed = failure.strip().splitlines()
        yield f"{each.label}: {' — '.join([what, *printed[-1:]])}"


def _or_unknown(value: float | None, text: Callable[[float], str]) -> str:
    return UNKNOWN if value is None else text(value)


def _disk(each: Figures) -> float | None:
    return None if each.disk_bytes is None else each.disk_bytes / 1024


def _anon(each: Figures) -> float | None:
    if each.opened is None:
        return None
    return float(each.opened.memory.anon_kib - each.opened.imports.anon_kib)


def _both(each: Figures) -> float | None:
    if each.opened is None:
        return None
    now, before = each.opened.memory, each.opened.imports
    return float(now.anon_kib + now.file_kib - before.anon_kib - before.file_kib)


def _at(recall: float) -> Callable[[Figures], float | None]:
    return lambda each: rate_at(each.curve, recall)


_FIGURES: dict[str, Callable[[Figures], float | None]] = {
    **{f"QPS at {recall:g}": _at(recall) for recall in RECALLS},
    "indexed rows/s": lambda each: 1 / each.inserted.indexed_s if each.inserted else None,
    "rows/s at once": lambda each: 1 / each.built.seconds if each.built else None,
    "RssAnon": _anon,
    "both": _both,
    "disk": _disk,
}
