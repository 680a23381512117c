"""Measures this store beside others: `python -m ops.bench peers --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from rich.console import Console

from ops.bench import machine, report
from ops.bench.data import Dataset, prepare
from ops.bench.peers import registry
from ops.bench.versus import comparison
from ops.bench.versus.building import build
from ops.bench.versus.figures import Figures, Run
from ops.bench.versus.rounds import search

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
PICTURE = "recall-qps.png"
PASSES = 5
SECONDS_EACH = 0.3
CONSOLE_COLUMNS_MIN = 140

# Files and pipes have no width of their own, and these tables are wide.
console = Console(width=max(Console().width, CONSOLE_COLUMNS_MIN))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench peers", description=__doc__)
    parser.add_argument(
        "--peers",
        default="usual",
        help=f"comma-separated, of: {', '.join(registry.REGISTRY)}; or usual (default), or all",
    )
    parser.add_argument("--base", type=Path, help=".npy of vectors, a row each (default: the sample)")
    parser.add_argument("--queries", type=Path, help=".npy of queries (default: every 20th row, held out)")
    parser.add_argument("--passes", type=int, default=PASSES, help="over all systems (default 5)")
    parser.add_argument(
        "--seconds-each", type=float, default=SECONDS_EACH, help="a breadth and pass (default 0.3, at most 1)"
    )
    parser.add_argument(
        "--folder", type=Path, help="where to put stores meanwhile (default: a temporary one)"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help=f"the Markdown file to write into; {PICTURE} beside it"
    )
    return parser.parse_args(arguments)


def command_of(options: argparse.Namespace) -> str:
    """The command that repeats a run, with file names but without their folders."""
    words = ["python -m ops.bench peers", "--peers", options.peers]
    for name in ("base", "queries"):
        path: Path | None = getattr(options, name)
        if path is not None:
            words += [f"--{name}", path.name]
    words += ["--passes", str(options.passes), "--seconds-each", f"{options.seconds_each:g}"]
    return " ".join(words)


def installed(names: Sequence[str]) -> list[Figures]:
    """The systems of these names that are installed, with their versions; prints those that are not."""
    systems = []
    for name in names:
        entry = registry.REGISTRY[name]
        try:
            label = f"{entry.label} ({entry.version()})" if entry.distribution else entry.label
        except PackageNotFoundError:
            console.print(f"{entry.distribution} is not installed, so {name} is left out.")
            continue
        systems.append(Figures(name, label, entry.note))
    return systems


def measure(dataset: Dataset, folder: Path, options: argparse.Namespace) -> Run:
    """Builds all, then searches all in turn."""
    load, date = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d")
    console.print(f"{dataset.name}: {dataset.rows:,} × {dataset.dim}, {dataset.queries:,} queries")
    systems = installed(registry.chosen(options.peers))
    by_name = {figures.name: figures for figures in systems}
    folders = {}
    for figures in systems:
        builder = registry.REGISTRY[figures.name].built_by
        folders[figures.name] = folder / (builder or figures.name)
        if builder:
            figures.disk_bytes = by_name[builder].disk_bytes
            continue
        console.print(f"building {figures.label} …")
        build(figures, dataset, folders[figures.name])
    console.print("searching:")
    search(systems, folders, dataset, options.passes, options.seconds_each, console.print)
    for figures in systems:
        for failure in figures.failures:
            console.print(f"{figures.label}: {failure}", style="red", markup=False, highlight=False)
    return Run(
        dataset.name,
        dataset.rows,
        dataset.dim,
        dataset.queries,
        dataset.queries_origin,
        machine.describe(),
        load,
        date,
        command_of(options),
        options.passes,
        systems,
    )


def main(arguments: Sequence[str]) -> None:
    """Prepares the data, measures, prints, plots and writes the results."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="asteroid-bench-") as name:
        folder = Path(name)
        try:
            dataset = prepare(folder, options.base, options.queries, None, "cosine")
            registry.chosen(options.peers)
        except (ValueError, OSError) as error:
            sys.exit(f"ops.bench peers: {error}")
        run = measure(dataset, folder, options)
    made = comparison.tables(run)
    report.show(made, console)
    lines = [*comparison.preface(run), *_drawn(run, options.results.with_name(PICTURE))]
    report.keep(report.section(comparison.heading(run), lines, made), options.results)
    console.print(f"Kept in {options.results.name}.")


def _drawn(run: Run, path: Path) -> list[str]:
    """The link to the plot for the section; empty when matplotlib is not installed."""
    try:
        from ops.bench.versus import plot
    except ImportError:
        console.print("matplotlib is not installed, so no picture is drawn.")
        return []
    plot.draw(run, path)
    return [f"![Recall against queries a second]({path.name})", ""]
