"""How good the answers of a store are under one filter: usual ones, exact ones, and those of a peer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query import Explain, FilterCache, SearchRequest, SearchResult, search_batch
from ops.bench.shapes.data import Shape
from ops.bench.shapes.filters import Fields, Filtered, fields_of
from ops.bench.shapes.makers import Vectors
from ops.bench.shapes.peer import Peer
from ops.bench.shapes.states import EF
from ops.bench.shapes.truth import Flags, Neighbours, Places, Truth

KS = (1, 10, 100)


class Asked(msgspec.Struct, frozen=True):
    """How queries are asked."""

    ks: Sequence[int] = KS
    ef: int = EF
    with_peer: bool = False


class Figure(msgspec.Struct, frozen=True):
    """Mean recalls at one k."""

    k: int
    recall: float
    exact: float
    excess: float
    """Of the exact answers, see Neighbours.excess: up to 1 they are right but for the last place."""
    peer: float | None
    differing: int
    """Queries whose answer is not that of the exact search."""


class Case(msgspec.Struct, frozen=True):
    """One shape in one state under one filter."""

    shape: str
    rows: int
    state: str
    is_thinned: bool
    """Whether rows have been deleted."""
    filter: str
    queries: int
    walked: int
    """Parts whose graphs are walked for the fewest neighbours."""
    scanned: int
    rescanned: int
    """Walks that had to be followed by a scan, over all queries."""
    figures: list[Figure]

    @property
    def worst(self) -> float:
        """The lowest recall at any k."""
        return min(figure.recall for figure in self.figures)


class Refused(msgspec.Struct, frozen=True):
    """Data that the store does not take, and the code of its error."""

    shape: str
    state: str
    code: str


class Subject:
    """Rows of a shape, the queries, and what is right."""

    def __init__(self, shape: Shape, rows: int) -> None:
        self.shape = shape
        self.base, self.queries = shape.draw(rows)
        self.fields: Fields = fields_of(self.base, self.queries)
        self.truth = Truth(self.queries, self.base, shape.metric)
        self._peer: Peer | None = None
        self._of_peer: dict[tuple[bytes, str, int, int], float] = {}

    def asked(self, filtered: Filtered) -> Places:
        """The numbers of the queries that are asked under a filter."""
        return np.flatnonzero(filtered.asks(self.fields))

    def recall_of_peer(
        self, filtered: Filtered, allowed: Flags, neighbours: Neighbours, k: int, ef: int
    ) -> float:
        """What hnswlib finds, which is the same in every state."""
        key = (np.packbits(allowed).tobytes(), filtered.name, k, ef)
        if key not in self._of_peer:
            self._peer = self._peer or Peer(self.base, self.shape.metric)
            self._peer.allow(allowed)
            found = self._peer.ask(self.queries[self.asked(filtered)], k, ef)
            self._of_peer[key] = float(neighbours.recalls(found, k).mean())
        return self._of_peer[key]


def measure(
    snapshot: Snapshot,
    subject: Subject,
    alive: Flags,
    filtered: Filtered,
    state: str,
    how: Asked,
) -> Case:
    """Asks all queries that belong to a filter; ``alive`` says which rows are not deleted."""
    allowed = filtered.allows(subject.fields) & alive
    asked = subject.asked(filtered)
    neighbours = Neighbours(subject.truth, asked, allowed, max(how.ks))
    cache = FilterCache()
    figures = []
    every: list[SearchResult] = []
    for k in how.ks:
        results = _ask(snapshot, subject.queries[asked], filtered, cache, k, how.ef, exact=False)
        exact = _ask(snapshot, subject.queries[asked], filtered, cache, k, how.ef, exact=True)
        theirs = None
        if how.with_peer:
            theirs = subject.recall_of_peer(filtered, allowed, neighbours, k, how.ef)
        figures.append(_figure(neighbours, results, exact, k, theirs))
        every += results
    methods = [choice.method for choice in _explained(every[0]).parts]
    return Case(
        subject.shape.title,
        len(subject.base),
        state,
        not alive.all(),
        filtered.name,
        len(asked),
        methods.count("walk"),
        methods.count("scan"),
        sum(_explained(result).rescanned for result in every),
        figures,
    )


def _ask(
    snapshot: Snapshot,
    queries: Vectors,
    filtered: Filtered,
    cache: FilterCache,
    k: int,
    ef: int,
    *,
    exact: bool,
) -> list[SearchResult]:
    requests = [
        SearchRequest(vector=query, k=k, ef_search=ef, filter=filtered.filter, exact=exact, explain=True)
        for query in queries
    ]
    return search_batch(snapshot, requests, cache)


def _figure(
    neighbours: Neighbours,
    results: Sequence[SearchResult],
    exact: Sequence[SearchResult],
    k: int,
    theirs: float | None,
) -> Figure:
    found_exactly = [result.ids for result in exact]
    return Figure(
        k,
        float(neighbours.recalls([result.ids for result in results], k).mean()),
        float(neighbours.recalls(found_exactly, k).mean()),
        neighbours.excess(found_exactly, k),
        theirs,
        sum(not np.array_equal(a.ids, b.ids) for a, b in zip(results, exact, strict=True)),
    )


def _explained(result: SearchResult) -> Explain:
    assert result.explain is not None, "it was asked for"
    return result.explain
