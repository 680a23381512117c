"""Measures the store on real vectors: `python -m ops.bench --help`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from ops.bench import job, machine, report
from ops.bench.collections import command as collections
from ops.bench.data import Dataset, prepare
from ops.bench.endurance import capped, churn, growth, segments
from ops.bench.filtered import command as filters
from ops.bench.logs import command as logs
from ops.bench.pairs import command as pairs
from ops.bench.results import Loaded, Pressed, Restarted, Results, Searched
from ops.bench.shapes import command as shapes
from ops.bench.tables import tables
from ops.bench.versus import command

RESULTS = Path(__file__).with_name("RESULTS.md")
WAYS = ("native", "embedded", "HTTP")
METRICS = ("cosine", "l2", "ip")
COMMANDS = {
    "capped": capped.main,
    "peers": command.main,
    "churn": churn.main,
    "growth": growth.main,
    "segments": segments.main,
    "filters": filters.main,
    "log": logs.main,
    "shapes": shapes.main,
    "collections": collections.main,
    "pairs": pairs.main,
}
EPILOG = (
    "`python -m ops.bench peers | filters | churn | growth | segments | capped | log | shapes | "
    "collections | pairs --help`: beside other systems, under filters, over time, in size, at full speed, "
    "with little memory, the log by itself, recall by shape, many collections, and what a call costs before "
    "a change and after it."
)

console = Console()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench", description=__doc__, epilog=EPILOG)
    parser.add_argument("--base", type=Path, help=".npy of vectors, a row each (default: the sample)")
    parser.add_argument("--queries", type=Path, help=".npy of queries (default: every 20th row, held out)")
    parser.add_argument(
        "--payloads", type=Path, help=".jsonl or .jsonl.zst, an object a row; filters use `r`"
    )
    parser.add_argument("--metric", choices=METRICS, default="cosine")
    parser.add_argument("--seconds-each", type=float, default=2.0, help="for each measurement (default 2)")
    parser.add_argument(
        "--folder", type=Path, help="where to put stores meanwhile (default: a temporary one)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the Markdown file to write into")
    return parser.parse_args(arguments)


def command_of(options: argparse.Namespace) -> str:
    """The command that repeats a run, with file names but without their folders."""
    words = ["python -m ops.bench"]
    for name in ("base", "queries", "payloads"):
        path: Path | None = getattr(options, name)
        if path is not None:
            words += [f"--{name}", path.name]
    words += ["--metric", options.metric, "--seconds-each", f"{options.seconds_each:g}"]
    return " ".join(words)


def measure(dataset: Dataset, folder: Path, seconds: float, command: str) -> Results:
    """Runs the phases one after another; the embedded store is removed before the server's is made."""
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    console.print(f"{dataset.name}: {dataset.rows:,} × {dataset.dim}, {dataset.queries:,} queries")
    console.print("inserting, embedded …")
    embedded = job.run(Loaded, "load_embedded", dataset, folder / "embedded")
    shutil.rmtree(folder / "embedded")
    console.print("inserting over HTTP …")
    store = folder / "http"
    http = job.run(Loaded, "load_http", dataset, store)
    console.print("restarting …")
    restarted = job.run(Restarted, "restart", dataset, store)
    searched = {}
    for way in WAYS:
        console.print(f"searching, {way} …")
        searched[way] = job.run(Searched, "search", dataset, store, seconds, way)
    shutil.rmtree(store)
    console.print("searching beside writers …\n")
    pressed = job.run(Pressed, "press", dataset, folder / "pressed", seconds)
    return Results(
        dataset.name,
        dataset.rows,
        dataset.queries,
        dataset.dim,
        dataset.metric,
        dataset.queries_origin,
        machine.describe(),
        load,
        date,
        command,
        embedded,
        http,
        restarted,
        searched,
        pressed,
    )


def main() -> None:
    """Prepares the data, measures, prints and writes the results, or runs the command that comes first."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        COMMANDS[sys.argv[1]](sys.argv[2:])
        return
    options = parse(sys.argv[1:])
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="asteroid-bench-") as name:
        folder = Path(name)
        try:
            dataset = prepare(folder, options.base, options.queries, options.payloads, options.metric)
        except (ValueError, OSError) as error:
            sys.exit(f"ops.bench: {error}")
        results = measure(dataset, folder, options.seconds_each, command_of(options))
    report.show(tables(results), console)
    report.keep(report.markdown(results), options.results)
    console.print(f"Kept in {options.results.name}.")


if __name__ == "__main__":
    main()
