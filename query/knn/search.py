"""Nearest neighbours over one snapshot: plan, one native call, then the columns that were asked for.

Every search answers exactly ``min(k, matches - offset)`` hits, ascending by distance and then id; only
``max_distance`` and ``min_score`` leave out more.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Hits, Id, Ids, Snapshot, TakeBytes, search_prepared, unbounded
from asteroid_cloud.query.costs import RECORD
from asteroid_cloud.query.knn.explain import Explain
from asteroid_cloud.query.knn.planner import Plan, plan_search
from asteroid_cloud.query.knn.request import SearchRequest, SearchResult, check_request
from asteroid_cloud.query.knn.scores import Scores, scores_of
from asteroid_cloud.query.limits import SEARCH_BATCH_HITS_MAX, SEARCHES_MAX
from asteroid_cloud.query.records.records import Places, fetch_one, payloads_at, vectors_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, TooLarge

FLOAT32_MAX = float(np.finfo(np.float32).max)


def search(
    snapshot: Snapshot,
    request: SearchRequest,
    cache: FilterCache,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> SearchResult:
    """The nearest matches to one vector, or to the stored vector of one id (NotFound if there is none).

    ``take`` is told of payloads and vectors before they are held; what it or ``work`` raises ends the search.
    """
    check_request(request, snapshot.spec)
    return _search_alike(snapshot, [request], cache, threads=1, take=take, work=work)[0]


def search_batch(
    snapshot: Snapshot,
    requests: Sequence[SearchRequest],
    cache: FilterCache,
    *,
    threads: int = 1,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> list[SearchResult]:
    """Many searches of one snapshot; those that differ only in the vector go to the core together.

    ``take`` is told of payloads and vectors before they are held. An error names the search at fault as
    ``index``; then none is answered.
    """
    _check_batch(snapshot, requests)
    alike: dict[tuple[object, ...], list[int]] = {}
    for position, request in enumerate(requests):
        allowed = None if request.ids is None else request.ids.key
        key = (request.depth, request.ef, request.filter.key, allowed, request.exact, request.explain)
        alike.setdefault(key, []).append(position)
    results: dict[int, SearchResult] = {}
    for positions in alike.values():
        group = [requests[position] for position in positions]
        found = _search_alike(snapshot, group, cache, threads=threads, take=take, work=work)
        results.update(zip(positions, found, strict=True))
    return [results[position] for position in range(len(requests))]


def _check_batch(snapshot: Snapshot, requests: Sequence[SearchRequest]) -> None:
    if len(requests) > SEARCHES_MAX:
        raise TooLarge(f"a batch has at most {SEARCHES_MAX} searches", code="batch_too_large")
    for position, request in enumerate(requests):
        try:
            check_request(request, snapshot.spec)
        except InvalidRequest as error:
            raise InvalidRequest(
                f"search {position}: {error.message}", code=error.code, index=position
            ) from error
    if sum(min(request.depth, snapshot.live) for request in requests) > SEARCH_BATCH_HITS_MAX:
        raise TooLarge(
            f"the searches of a batch have at most {SEARCH_BATCH_HITS_MAX} results together",
            code="batch_too_large",
        )


def _search_alike(
    snapshot: Snapshot,
    requests: Sequence[SearchRequest],
    cache: FilterCache,
    *,
    threads: int,
    take: TakeBytes,
    work: Work,
) -> list[SearchResult]:
    """Searches of one depth, ``ef``, filter and list of ids, all of them explained or none."""
    first = requests[0]
    work.spend(len(requests) * RECORD)
    queries = _queries(snapshot, requests)
    started = perf_counter()
    plan = plan_search(
        snapshot, first.filter, cache, ef=first.ef, exact=first.exact, work=work, allowed=first.ids
    )
    planned = perf_counter()
    how = {"exact": first.exact, "bounds": first.explain}
    with work.in_core() as allowance:
        hits = search_prepared(
            plan.native, queries, first.depth, first.ef, threads=threads, **how, allowance=allowance
        )
    searched = perf_counter()
    times = ((planned - started) * 1e3, (searched - planned) * 1e3)
    return [
        _answer(snapshot, request, plan, hits, row, times, take, work) for row, request in enumerate(requests)
    ]


def _queries(snapshot: Snapshot, requests: Sequence[SearchRequest]) -> NDArray[np.float32]:
    vectors = [
        _stored(snapshot, request.id) if request.vector is None else request.vector for request in requests
    ]
    return vectors[0][None] if len(vectors) == 1 else np.stack(vectors)


def _stored(snapshot: Snapshot, id: Id | None) -> NDArray[np.float32]:
    assert id is not None, "check_request lets only one of vector and id be absent"
    vector = fetch_one(snapshot, id, vector=True).vector
    if vector is None:
        raise Conflict(f"{snapshot.spec.ids.shown(id)} has no vector to search with", code="no_vector")
    return vector


def _answer(
    snapshot: Snapshot,
    request: SearchRequest,
    plan: Plan,
    hits: Hits,
    row: int,
    times: tuple[float, float],
    take: TakeBytes,
    work: Work,
) -> SearchResult:
    """One row of hits, cut to what its request asked."""
    found = int(hits.found[row])
    assert found == min(request.depth, plan.matches), "the core answers exactly min(k, matches)"
    ids, distances = hits.ids[row, :found], hits.distances[row, :found]
    scores = None
    if request.include_score or request.min_score is not None:
        scores = scores_of(distances, snapshot.spec.metric)
    columns = _window(request, ids, distances, scores)
    ids, distances = ids[columns], distances[columns]
    scores = scores[columns] if scores is not None and request.include_score else None
    started = perf_counter()
    views = [part.view for part in plan.parts]
    payloads = vectors = None
    if request.include_payload or request.include_vector:
        places = Places(hits.parts[row, columns], hits.ordinals[row, columns])
        if request.include_payload:
            payloads = payloads_at(views, places, request.fields, take, work)
        if request.include_vector:
            vectors = vectors_at(views, places, snapshot.spec.dim, work.counting(take))
    explain = None
    if request.explain:
        assert hits.error_bounds is not None, "they were asked for"
        fetch_ms = (perf_counter() - started) * 1e3
        measured = int(hits.visited[row]), int(hits.rescanned[row])
        complete = found == min(request.depth, plan.matches)
        bound = float(hits.error_bounds[row])
        explain = Explain(plan.choices, plan.matches, *measured, complete, bound, *times, fetch_ms)
    return SearchResult(snapshot.lsn, ids, distances, payloads, vectors, explain, scores)


def _window(
    request: SearchRequest, ids: Ids, distances: NDArray[np.float64], scores: Scores | None
) -> slice | NDArray[np.intp]:
    """Which hits of a row to keep: without the excluded id, after the offset, near enough."""
    near = len(ids)
    if request.max_distance is not None:
        near = int(np.searchsorted(distances, _rounded(request.max_distance), side="right"))
    if request.min_score is not None and scores is not None:
        near = min(near, int(np.searchsorted(-scores, -request.min_score, side="right")))
    start, stop = request.offset, min(request.offset + request.k, near)
    if request.id is None:
        return slice(start, max(start, stop))
    others = np.flatnonzero(ids != request.id)
    return others[others < near][start : request.offset + request.k]


def _rounded(distance: float) -> float:
    """A distance as answers have it: rounded to float32 where that reaches."""
    return float(np.float32(distance)) if abs(distance) <= FLOAT32_MAX else distance
