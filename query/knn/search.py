"""Nearest neighbours over one snapshot: plan, one native call, then the columns that were asked for.

Every search answers exactly ``min(k, matches - offset)`` hits, ascending by distance and then id; only
``max_distance`` and ``min_score`` leave out more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from asteroid_cloud.indexer import Ids, Snapshot, TakeBytes, unbounded
from asteroid_cloud.query.costs import RECORD
from asteroid_cloud.query.knn.diversity import chosen
from asteroid_cloud.query.knn.examples import vector_like, vector_of
from asteroid_cloud.query.knn.group_by import Group, value_of
from asteroid_cloud.query.knn.groups import GroupSearch, Member
from asteroid_cloud.query.knn.planner import plan_search
from asteroid_cloud.query.knn.ranked import search_ranked
from asteroid_cloud.query.knn.request import SearchRequest, SearchResult, check_request
from asteroid_cloud.query.knn.rounds import Round, near_enough, rounds_of, scores_if_wanted, window
from asteroid_cloud.query.knn.scores import Scores, scores_of
from asteroid_cloud.query.limits import SEARCH_BATCH_HITS_MAX, SEARCHES_MAX
from asteroid_cloud.query.records.records import Places, payloads_at, vectors_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest, TooLarge

NO_PLACES = Places(np.empty(0, np.uint32), np.empty(0, np.uint32))


def search(
    snapshot: Snapshot,
    request: SearchRequest,
    cache: FilterCache,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> SearchResult:
    """The nearest matches to one vector, or to the stored vectors of one or more ids.

    Raises NotFound where there is no such id, Conflict ``no_vector`` where it has no vector.

    ``take`` is told of payloads and vectors before they are held; what it or ``work`` raises ends the search.
    """
    check_request(request, snapshot.spec)
    if request.text is not None:
        return _search_ranked(snapshot, request, cache, take, work)
    query = _query(snapshot, request, work)[None]
    return _search_alike(snapshot, [request], query, cache, threads=1, take=take, work=work)[0]


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
    queries = {
        position: _named_query(snapshot, each, position, work)
        for position, each in enumerate(requests)
        if each.text is None
    }
    alike: dict[tuple[object, ...], list[int]] = {}
    by_words = [position for position, request in enumerate(requests) if request.text is not None]
    for position, request in enumerate(requests):
        if request.text is not None:
            continue
        allowed = None if request.ids is None else request.ids.key
        how = (request.exact, request.explain, request.group_by)
        key = (request.depth, request.ef, request.filter.key, allowed, *how)
        alike.setdefault(key, []).append(position)
    results: dict[int, SearchResult] = {}
    for position in by_words:
        try:
            results[position] = _search_ranked(snapshot, requests[position], cache, take, work)
        except AsteroidError as error:
            error.details["index"] = position
            raise
    for positions in alike.values():
        group = [requests[position] for position in positions]
        some = np.stack([queries[position] for position in positions])
        found = _search_alike(snapshot, group, some, cache, threads=threads, take=take, work=work)
        results.update(zip(positions, found, strict=True))
    return [results[position] for position in range(len(requests))]


def _search_ranked(
    snapshot: Snapshot, request: SearchRequest, cache: FilterCache, take: TakeBytes, work: Work
) -> SearchResult:
    def by_vector(leg: SearchRequest) -> SearchResult:
        query = _query(snapshot, leg, work)[None]
        return _search_alike(snapshot, [leg], query, cache, threads=1, take=take, work=work)[0]

    return search_ranked(snapshot, request, cache, by_vector, take, work)


@contextmanager
def _naming(position: int) -> Iterator[None]:
    """Names the search of a batch that is at fault."""
    try:
        yield
    except InvalidRequest as error:
        raise InvalidRequest(
            f"search {position}: {error.message}", code=error.code, index=position
        ) from error


def _check_batch(snapshot: Snapshot, requests: Sequence[SearchRequest]) -> None:
    if len(requests) > SEARCHES_MAX:
        raise TooLarge(f"a batch has at most {SEARCHES_MAX} searches", code="batch_too_large")
    for position, request in enumerate(requests):
        with _naming(position):
            check_request(request, snapshot.spec)
    if sum(min(request.most_hits, snapshot.live) for request in requests) > SEARCH_BATCH_HITS_MAX:
        raise TooLarge(
            f"the searches of a batch have at most {SEARCH_BATCH_HITS_MAX} results together",
            code="batch_too_large",
        )


def _named_query(
    snapshot: Snapshot, request: SearchRequest, position: int, work: Work
) -> NDArray[np.float32]:
    try:
        return _query(snapshot, request, work)
    except AsteroidError as error:
        error.details["index"] = position
        raise


def _query(snapshot: Snapshot, request: SearchRequest, work: Work) -> NDArray[np.float32]:
    if request.vector is not None:
        return request.vector
    if request.recommend is not None:
        return vector_like(snapshot, request.recommend, work)
    assert request.id is not None, "check_request lets only one of the three be given"
    return vector_of(snapshot, request.id, work)


def _search_alike(
    snapshot: Snapshot,
    requests: Sequence[SearchRequest],
    queries: NDArray[np.float32],
    cache: FilterCache,
    *,
    threads: int,
    take: TakeBytes,
    work: Work,
) -> list[SearchResult]:
    """Searches of one depth, ``ef``, filter and list of ids, all of them explained or none."""
    first = requests[0]
    work.spend(len(requests) * RECORD)
    if first.group_by is not None:
        pairs = zip(requests, queries, strict=True)
        return [_grouped(snapshot, request, query, cache, take, work) for request, query in pairs]
    began = perf_counter()
    plan = plan_search(
        snapshot, first.filter, cache, ef=first.ef, exact=first.exact, work=work, allowed=first.ids
    )
    rounds = rounds_of(plan, queries, first, first.depth, began, threads=threads, work=work)
    return [
        _answer(snapshot, request, found, take, work) for request, found in zip(requests, rounds, strict=True)
    ]


def _answer(
    snapshot: Snapshot, request: SearchRequest, found: Round, take: TakeBytes, work: Work
) -> SearchResult:
    """One row of hits, cut to what its request asked."""
    scores = scores_if_wanted(request, found.distances, snapshot.spec)
    near = near_enough(request, found.distances, scores)
    columns = window(request, found.ids, near, request.offset, request.candidates - request.offset)
    if request.diversity is not None and request.diversity.weight < 1:
        assert scores is not None
        columns = _diverse(snapshot, request, found, columns, scores, work)
    ids, distances = found.ids[columns], found.distances[columns]
    scores = scores[columns] if scores is not None and request.include_score else None
    places = found.places(columns) if request.include_payload or request.include_vector else NO_PLACES
    return _with_columns(snapshot, request, ids, distances, scores, places, found, take, work)


def _diverse(
    snapshot: Snapshot,
    request: SearchRequest,
    found: Round,
    columns: slice | NDArray[np.intp],
    scores: Scores,
    work: Work,
) -> NDArray[np.intp]:
    """Which of the candidates are answered, in the order of choice."""
    assert request.diversity is not None
    places = np.arange(len(found.ids))[columns]
    vectors = vectors_at(snapshot.parts, found.places(places), snapshot.spec.dim, work.counting(unbounded))
    order = chosen(vectors, scores[places], request.k, request.diversity, snapshot.spec, work)
    return places[order]


def _grouped(
    snapshot: Snapshot,
    request: SearchRequest,
    query: NDArray[np.float32],
    cache: FilterCache,
    take: TakeBytes,
    work: Work,
) -> SearchResult:
    """The hits of all groups, one group after the other."""
    search = GroupSearch(snapshot, request, query, cache, take, work)
    groups, members, start = list[Group](), list[Member](), 0
    for group in search.groups():
        members += group.members
        groups.append(Group(value_of(group.key), start, len(members)))
        start = len(members)
    ids = snapshot.spec.ids.of([member.id for member in members])
    distances = np.array([member.distance for member in members], np.float64)
    places = Places(
        np.array([member.part for member in members], np.uint32),
        np.array([member.ordinal for member in members], np.uint32),
    )
    scores = scores_of(distances, snapshot.spec.metric) if request.include_score else None
    result = _with_columns(snapshot, request, ids, distances, scores, places, search, take, work)
    return replace(result, groups=groups)


def _with_columns(
    snapshot: Snapshot,
    request: SearchRequest,
    ids: Ids,
    distances: NDArray[np.float64],
    scores: Scores | None,
    places: Places,
    found: Round | GroupSearch,
    take: TakeBytes,
    work: Work,
) -> SearchResult:
    """Hits with what else is wanted of them."""
    began = perf_counter()
    payloads = vectors = explain = None
    if request.include_payload:
        payloads = payloads_at(snapshot.parts, places, request.fields, take, work)
    if request.include_vector:
        vectors = vectors_at(snapshot.parts, places, snapshot.spec.dim, work.counting(take))
    if request.explain:
        explain = found.explained((perf_counter() - began) * 1e3)
    return SearchResult(snapshot.lsn, ids, distances, payloads, vectors, explain, scores)
