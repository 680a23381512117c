"""The conditions, of every selectivity, and the exact answers under each.

Payloads have a number ``r``, uniform in 0 … 999, and a ``lexname``, the topic of a row, which goes together
with where its vector lies. Queries have a topic too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ops.bench.workload import K

Bools = NDArray[np.bool_]
Vectors = NDArray[np.float32]
Condition = dict[str, object]

BELOW = (1000, 500, 200, 100, 50, 10, 1)
FEW = 6
TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Rows:
    """The fields that conditions use, in the order of ids."""

    r: NDArray[np.int64]
    topic: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of condition: a filter for every query topic, and the rows that match it."""

    name: str
    conditions: dict[str, Condition]
    allowed: dict[str, Bools]

    @property
    def share(self) -> float:
        """The mean share of rows that match, over the topics."""
        return float(np.mean([np.mean(rows) for rows in self.allowed.values()]))


def cases(rows: Rows, topics: Sequence[str]) -> Iterator[Case]:
    """All conditions, the least selective first; ``topics`` are those of the queries."""
    kinds = sorted(set(topics))
    r, topic = rows.r, rows.topic

    def case(name: str, condition: Callable[[str], Condition], allowed: Callable[[str], Bools]) -> Case:
        return Case(name, {t: condition(t) for t in kinds}, {t: allowed(t) for t in kinds})

    def below(limit: int) -> Case:
        name = f"r < {limit}" if limit < 1000 else "everything (r < 1000)"
        return case(name, lambda _: {"r": {"$lt": limit}}, lambda _: r < limit)

    for limit in BELOW:
        yield below(limit)
    few = sorted(np.flatnonzero(r == 1)[:FEW].tolist())
    positions = {"id": {"$in": few}}
    yield case(
        f"{FEW} rows by a unique field", lambda _: positions, lambda _: np.isin(np.arange(len(r)), few)
    )
    yield case("the query's own topic", lambda t: {"lexname": t}, lambda t: topic == t)
    yield case("any other topic", lambda t: {"lexname": {"$ne": t}}, lambda t: topic != t)
    yield case(
        "own topic and r < 500",
        lambda t: {"lexname": t, "r": {"$lt": 500}},
        lambda t: (topic == t) & (r < 500),
    )
    yield case(
        "other topic and r < 200",
        lambda t: {"lexname": {"$ne": t}, "r": {"$lt": 200}},
        lambda t: (topic != t) & (r < 200),
    )
    yield case(
        "own topic or r < 50",
        lambda t: {"$or": [{"lexname": t}, {"r": {"$lt": 50}}]},
        lambda t: (topic == t) | (r < 50),
    )
    yield case("200 ≤ r < 400", lambda _: {"r": {"$gte": 200, "$lt": 400}}, lambda _: (r >= 200) & (r < 400))


def exact(similarities: Vectors, case: Case, topics: Sequence[str]) -> list[float]:
    """For each query the similarity of its K-th best match; infinity when nothing matches."""
    least = []
    for row, topic in zip(similarities, topics, strict=True):
        matching = row[case.allowed[topic]]
        k = min(K, len(matching))
        least.append(float(np.partition(matching, len(matching) - k)[len(matching) - k]) if k else np.inf)
    return least


def recall(
    similarities: Vectors, case: Case, topics: Sequence[str], least: Sequence[float], found: list[list[int]]
) -> float:
    """The share of the true neighbours found; ties with the last one count, rows that do not match never."""
    hits = wanted = 0
    for row, topic, border, ids in zip(similarities, topics, least, found, strict=True):
        allowed = case.allowed[topic]
        wanted += min(K, int(allowed.sum()))
        hits += sum(1 for i in set(ids) if 0 <= i < len(row) and allowed[i] and row[i] >= border - TIE)
    return hits / max(wanted, 1)
