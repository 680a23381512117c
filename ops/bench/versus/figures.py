"""The results of a run for each system, and the rate at a given recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from ops.bench.versus.commands import Built, Inserted, Opened

RECALLS = (0.95, 0.98, 0.99)


class Point(msgspec.Struct, frozen=True):
    """One point of a curve; the rate is the median of the passes."""

    breadth: int
    recall: float
    per_s: float


class Figures(msgspec.Struct):
    """One system; what it cannot do, or failed at, is None or empty."""

    name: str
    label: str
    note: str
    inserted: Inserted | None = None
    built: Built | None = None
    disk_bytes: int | None = None
    opened: Opened | None = None
    curve: list[Point] = []
    threads_ratio: float | None = None
    """Searches a second of two threads, divided by those of one."""
    failures: list[str] = []


class Run(msgspec.Struct, frozen=True):
    """One run over all systems; this store is the first."""

    dataset: str
    rows: int
    dim: int
    queries: int
    queries_origin: str
    machine: str
    load: str
    date: str
    command: str
    passes: int
    systems: list[Figures]


def rate_at(curve: Sequence[Point], recall: float) -> float | None:
    """The best rate with at least this recall, None when no breadth reaches it.

    Between neighbouring breadths the logarithm of the rate is taken as linear in recall.
    """
    points = sorted(curve, key=lambda point: point.breadth)
    rates = [point.per_s for point in points if point.recall >= recall]
    for low, high in pairwise(points):
        if low.recall < recall < high.recall:
            share = (recall - low.recall) / (high.recall - low.recall)
            rates.append(math.exp((1 - share) * math.log(low.per_s) + share * math.log(high.per_s)))
    return max(rates, default=None)


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Ours divided by theirs; None when either is unknown or theirs is zero."""
    return None if ours is None or not theirs else ours / theirs
