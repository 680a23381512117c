"""What calls cost in processor time, before a change and after it, also on a machine that is busy.

Two checkouts are asked in turn for the same, a slice each: before, after, after, before, and so on. What
counts is the processor time of the process that is asked, a pair of slices gives a ratio, and the median of
the ratios is shown. ``--before`` and ``--after`` are interpreters that have one checkout each installed.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import msgspec

from ops.bench.pairs.cases import CASES, Asked, Case
from ops.bench.pairs.side import Side, processor_s

WARM_UP = 2
"""Slices of each that do not count."""


class Compared(msgspec.Struct, frozen=True):
    """The medians of one case."""

    name: str
    before_us: float
    """Microseconds of processor time a call."""
    after_us: float
    ratio: float
    spread: tuple[float, float]
    """The quarter and the three quarters of all ratios."""


def main(arguments: Sequence[str]) -> None:
    """Measures, and prints a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench pairs", description=__doc__)
    parser.add_argument("--before", required=True, help="an interpreter, as it is called")
    parser.add_argument("--after", default=sys.executable, help="the other one (default: this one)")
    parser.add_argument("--slices", type=int, default=60, help="of each, in each case (default 60)")
    parser.add_argument("--only", default="", help="cases whose name has this text in it")
    options = parser.parse_args(arguments)
    before, after = Side("before", shlex.split(options.before)), Side("after", shlex.split(options.after))
    sys.stdout.write("| processor time a call, µs | before | after | ratio | half of the ratios |\n")
    sys.stdout.write("| --- | --: | --: | --: | --: |\n")
    for case in CASES:
        if options.only in case.name:
            sys.stdout.write(line(compare(case, before, after, options.slices)))
            sys.stdout.flush()


def compare(case: Case, before: Side, after: Side, slices: int) -> Compared:
    """Measures one case."""
    with tempfile.TemporaryDirectory(prefix="asteroid-pairs-") as folder:
        opened = cast(AbstractContextManager[tuple[Asked, Asked]], case.open(before, after, Path(folder)))
        with opened as (first, second):
            taken = list(_taken(first, second, slices))
    ratios = [after_s / before_s for before_s, after_s in taken]
    lower, _, upper = statistics.quantiles(ratios, n=4)
    before_us, after_us = (1e6 / case.calls * statistics.median(each) for each in zip(*taken, strict=True))
    return Compared(case.name, before_us, after_us, statistics.median(ratios), (lower, upper))


def line(found: Compared) -> str:
    """A row of the table."""
    lower, upper = found.spread
    return (
        f"| {found.name} | {found.before_us:.1f} | {found.after_us:.1f} "
        f"| {found.ratio:.3f} | {lower:.3f} … {upper:.3f} |\n"
    )


def _taken(first: Asked, second: Asked, slices: int) -> Iterator[tuple[float, float]]:
    """The processor time of each pair of slices, in seconds; who begins changes from pair to pair."""
    for number in range(-WARM_UP, slices):
        if number % 2:
            after_s, before_s = _slice(second), _slice(first)
        else:
            before_s, after_s = _slice(first), _slice(second)
        if number >= 0:
            yield before_s, after_s


def _slice(asked: Asked) -> float:
    asked.prepare()
    began_s = processor_s(asked.pid)
    asked.run()
    return processor_s(asked.pid) - began_s
