"""The recall laboratory: `python -m ops.bench shapes --help`.

Every shape of data is put into a store in every way in which rows can come to lie there, and asked with and
without deletes, for few and many neighbours. Not every combination is measured. Filters are asked of a batch
build and of four segments, of 32,000 rows each, so that graphs are walked under them; a search of a small
segment, or under a narrow filter, is a scan. Sixteen segments that are walked take 104,000 rows, and are
measured for a few shapes. A graph that is grown row by row has at most 4,000 rows, and is asked with ef 64,
everything else with the default, 128. All of it takes about half an hour on two quiet cores.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from ops.bench import machine, report
from ops.bench.shapes import peer
from ops.bench.shapes.data import QUERIES
from ops.bench.shapes.laboratory import chosen_shapes, jobs_for, run
from ops.bench.shapes.measuring import KS, Case, Refused
from ops.bench.shapes.states import EF
from ops.bench.shapes.tables import by_state, cell, parts, worst_first

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
HEADING = "Recall by shape of data"
console = Console(width=max(Console().width, 160), highlight=False)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.bench shapes", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", default=[], metavar="WORD", help="only those named like one")
    parser.add_argument("--states", nargs="+", default=[], metavar="STATE", help="only these")
    parser.add_argument("--rows", type=int, help="of each store (default: as many as its state needs)")
    parser.add_argument("--k", nargs="+", type=int, default=list(KS), help="neighbours (default 1 10 100)")
    parser.add_argument("--ef", type=int, help=f"of ours and of hnswlib (default {EF}, for insertion 64)")
    parser.add_argument("--no-peer", action="store_true", help="without hnswlib")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="shapes at a time")
    parser.add_argument(
        "--results",
        type=Path,
        nargs="?",
        const=RESULTS,
        help="write the tables into this Markdown file (without a name: ops/bench/RESULTS.md)",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints every case as it comes and the tables at the end; writes them when asked to."""
    options = parse(arguments)
    with_peer = not options.no_peer and peer.is_installed()
    if not options.no_peer and not with_peer:
        console.print("hnswlib is not installed: it is left out.")
    try:
        shapes = chosen_shapes(options.shapes)
        asked = jobs_for(
            shapes, options.states, options.k, with_peer=with_peer, rows=options.rows, ef=options.ef
        )
        jobs = list(asked)
    except ValueError as error:
        sys.exit(f"ops.bench shapes: {error}")
    load, date, began_s = machine.load(), datetime.now(UTC).strftime("%Y-%m-%d"), time.perf_counter()
    found: list[Case | Refused] = []
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for done in pool.map(run, jobs):
            _print(done)
            found += done
    took_s = time.perf_counter() - began_s
    cases = [each for each in found if isinstance(each, Case)]
    refused = [each for each in found if isinstance(each, Refused)]
    made = [by_state(cases, refused), worst_first(cases)]
    report.show(made, console)
    if options.results is None:
        return
    lines = [
        f"{date}, on {machine.describe()}; load average at the start {load}. {len(shapes)} shapes, "
        f"{QUERIES} queries each; {took_s / 60:.0f} minutes.",
        "",
        f"    python -m ops.bench shapes {shlex.join(_without_results(arguments))}".rstrip(),
        "",
    ]
    report.keep(report.section(HEADING, lines, made), options.results)
    console.print(f"Kept in {options.results.name}.")


def _print(found: Sequence[Case | Refused]) -> None:
    for each in found:
        if isinstance(each, Refused):
            console.print(f"{each.shape:42} {each.state:16} refused: {each.code}")
            continue
        figures = "   ".join(f"@{figure.k} {cell(figure)}" for figure in each.figures)
        deletes = "deletes" if each.is_thinned else ""
        console.print(
            f"{each.shape:42} {each.state:16} {deletes:8} {each.filter:17} {parts(each):14} {figures}",
            soft_wrap=True,
        )


def _without_results(arguments: Sequence[str]) -> list[str]:
    """The arguments that decide what is measured."""
    kept: list[str] = []
    is_kept = True
    for word in arguments:
        is_kept = not word.startswith("--results") if word.startswith("--") else is_kept
        kept += [word] if is_kept else []
    return kept
