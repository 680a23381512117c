"""One round of a search: a plan, one native call, and which of the rows that it found count."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Hits, Ids, IndexSpec, search_prepared
from asteroid_cloud.query.knn.explain import Explain
from asteroid_cloud.query.knn.planner import SKIP, Plan
from asteroid_cloud.query.knn.request import SearchRequest
from asteroid_cloud.query.knn.scores import Scores, scores_of
from asteroid_cloud.query.records.records import Places
from asteroid_cloud.query.work import Work

FLOAT32_MAX = float(np.finfo(np.float32).max)


class Round:
    """What one native call found for one query, ascending by (distance, id)."""

    def __init__(self, plan: Plan, hits: Hits, row: int, depth: int, times: tuple[float, float]) -> None:
        found = int(hits.found[row])
        assert found == min(depth, plan.matches), "the core answers exactly min(k, matches)"
        self.plan = plan
        self.ids: Ids = hits.ids[row, :found]
        self.distances: NDArray[np.float64] = hits.distances[row, :found]
        self.is_whole = found == plan.matches
        """Whether these are all rows that match."""
        self._hits, self._row, self._times = hits, row, times

    def places(self, columns: slice | NDArray[np.intp]) -> Places:
        """Where some of the rows are, in the snapshot."""
        numbers = [number for number, choice in enumerate(self.plan.choices) if choice.method != SKIP]
        parts = np.array(numbers, np.uint32)[self._hits.parts[self._row, columns]]
        return Places(parts, self._hits.ordinals[self._row, columns])

    def explained(self, fetch_ms: float) -> Explain:
        """How it was done."""
        assert self._hits.error_bounds is not None, "they were asked for"
        return Explain(
            self.plan.choices,
            self.plan.matches,
            int(self._hits.visited[self._row]),
            int(self._hits.rescanned[self._row]),
            True,
            float(self._hits.error_bounds[self._row]),
            *self._times,
            fetch_ms,
        )


def rounds_of(
    plan: Plan,
    queries: NDArray[np.float32],
    request: SearchRequest,
    depth: int,
    began: float,
    *,
    threads: int = 1,
    work: Work,
) -> list[Round]:
    """One for each query; all have the ``ef`` and flags of one request. Planning began at ``began``."""
    planned = perf_counter()
    with work.in_core() as allowance:
        hits = search_prepared(
            plan.native,
            queries,
            depth,
            request.ef,
            threads=threads,
            exact=request.exact,
            bounds=request.explain,
            allowance=allowance,
        )
    times = (planned - began) * 1e3, (perf_counter() - planned) * 1e3
    return [Round(plan, hits, row, depth, times) for row in range(len(queries))]


def scores_if_wanted(
    request: SearchRequest, distances: NDArray[np.float64], spec: IndexSpec
) -> Scores | None:
    """The scores of hits, where the request looks at them."""
    if request.include_score or request.min_score is not None or request.diversity is not None:
        return scores_of(distances, spec.metric)
    return None


def near_enough(request: SearchRequest, distances: NDArray[np.float64], scores: Scores | None) -> int:
    """How many of the hits, which come nearest first, are within the bounds of the request."""
    near = len(distances)
    if request.max_distance is not None:
        near = int(np.searchsorted(distances, _rounded(request.max_distance), side="right"))
    if request.min_score is not None and scores is not None:
        near = min(near, int(np.searchsorted(-scores, -request.min_score, side="right")))
    return near


def others(request: SearchRequest, ids: Ids) -> NDArray[np.intp] | None:
    """The places of the ids that may be answered; None for all."""
    if request.id is not None:
        return np.flatnonzero(ids != request.id)
    if request.recommend is not None:
        return np.flatnonzero(np.isin(ids, request.recommend.examples, invert=True))
    return None


def window(request: SearchRequest, ids: Ids, near: int, start: int, count: int) -> slice | NDArray[np.intp]:
    """Which hits to keep: of the first ``near`` those that may be answered, ``count`` from ``start`` on."""
    allowed = others(request, ids)
    if allowed is None:
        return slice(start, max(start, min(start + count, near)))
    return allowed[allowed < near][start : start + count]


def _rounded(distance: float) -> float:
    """A distance as answers have it: rounded to float32 where that reaches."""
    return float(np.float32(distance)) if abs(distance) <= FLOAT32_MAX else distance
