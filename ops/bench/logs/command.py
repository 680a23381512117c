"""Measures the log: `python -m ops.bench log --help`. It takes some minutes."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from ops.bench import machine, report
from ops.bench.data import Dataset, prepare
from ops.bench.logs import committing, keeping, packing, reading, starting
from ops.bench.tables import Table

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
PARTS = ("packing", "reading", "starting", "committing", "keeping")
TEXTS_MAX = 20_000
console = Console()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench log", description=__doc__)
    parser.add_argument("--base", type=Path, help=".npy of vectors, a row each (default: the sample)")
    parser.add_argument("--payloads", type=Path, help=".jsonl or .jsonl.zst, an object a row")
    parser.add_argument("--seconds-each", type=float, default=2.0, help="for each rate of writes (default 2)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="do only these; default: all")
    parser.add_argument(
        "--folder", type=Path, help="where to put stores meanwhile (default: a temporary one)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the Markdown file to write into")
    return parser.parse_args(arguments)


def tables(dataset: Dataset, folder: Path, seconds: float, only: Sequence[str]) -> list[Table]:
    """Measures the parts one after another."""
    parts: dict[str, Callable[[Path], Sequence[Table]]] = {
        "packing": lambda _: packed(dataset),
        "reading": lambda place: reading.tables(dataset, place),
        "starting": lambda place: [starting.table(dataset, place)],
        "committing": lambda place: [committing.table(dataset, place, seconds)],
        "keeping": lambda place: [keeping.table(dataset, place)],
    }
    made: list[Table] = []
    for name, measure in parts.items():
        if name in only:
            console.print(f"{name} …")
            place = folder / name
            place.mkdir()
            made += measure(place)
            shutil.rmtree(place)
    return made


def packed(dataset: Dataset) -> list[Table]:
    """Vectors of each kind, and payloads if there are some."""
    kinds = packing.kinds_of(np.asarray(dataset.base_rows()[: packing.ROWS_MAX]))
    made = [packing.vectors_table(kind, rows) for kind, rows in kinds.items()]
    if dataset.has_payloads:
        with Path(dataset.folder, "payloads.jsonl").open("rb") as lines:
            texts = [line.strip() for line, _ in zip(lines, range(TEXTS_MAX), strict=False)]
        made.append(packing.payloads_table(texts))
    return made


def command_of(options: argparse.Namespace) -> str:
    """The command that repeats a run, with file names but without their folders."""
    words = ["python -m ops.bench log", f"--seconds-each {options.seconds_each:g}"]
    words += [f"--base {options.base.name}"] if options.base else []
    words += [f"--payloads {options.payloads.name}"] if options.payloads else []
    words += [f"--only {' '.join(options.only)}"] if tuple(options.only) != PARTS else []
    return " ".join(words)


def main(arguments: Sequence[str]) -> None:
    """Prepares the data, measures, prints and writes the results."""
    options = parse(arguments)
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="asteroid-bench-") as name:
        data, stores = Path(name, "data"), Path(name, "stores")
        data.mkdir()
        stores.mkdir()
        try:
            dataset = prepare(data, options.base, None, options.payloads, "cosine")
        except (ValueError, OSError) as error:
            sys.exit(f"ops.bench log: {error}")
        made = tables(dataset, stores, options.seconds_each, options.only)
    report.show(made, console)
    lines = [f"{date}, on {machine.describe()}; load average at the start {load}.", ""]
    lines[0] += f" {dataset.rows:,} × {dataset.dim}; medians of {packing.PASSES} passes."
    lines += [f"    {command_of(options)}", ""]
    report.keep(report.section(f"The log, {dataset.name}", lines, made), options.results)
    console.print(f"Kept in {options.results.name}.")
