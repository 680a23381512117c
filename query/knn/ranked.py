"""Searches that have words: by these alone, or together with a vector. Hits are ordered by score, then id."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from asteroid_cloud.indexer import Ids, Snapshot, TakeBytes
from asteroid_cloud.query.knn.explain import Explain, HitRanks, PartChoice, TextExplain
from asteroid_cloud.query.knn.request import SearchRequest, SearchResult
from asteroid_cloud.query.records.records import Places, payloads_at, some_vectors_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.text.request import Fusion
from asteroid_cloud.query.text.search import TextHits, text_hits
from asteroid_cloud.query.work import Work

LEG_MIN = 100
"""Candidates that each list gives at least, if it has so many;"""
LEG_FACTOR = 4
"""and for each hit that is asked for."""

VectorLeg = Callable[[SearchRequest], SearchResult]
"""Searches by the vector alone."""
Scores = NDArray[np.float64]


def search_ranked(
    snapshot: Snapshot,
    request: SearchRequest,
    cache: FilterCache,
    leg: VectorLeg,
    take: TakeBytes,
    work: Work,
) -> SearchResult:
    """The hits of a search that has words; ``leg`` does what there is to do by its vector."""
    assert request.text is not None, "a search without words has no order but distance"
    is_fused = request.has_vector
    depth = request.offset + request.k
    wanted = max(LEG_MIN, LEG_FACTOR * depth) if is_fused else depth
    started = perf_counter()
    found = text_hits(
        snapshot,
        request.text,
        request.filter,
        cache,
        wanted + request.left_out,
        work=work,
        allowed=request.ids,
        counts=request.explain,
    )
    text_ms = (perf_counter() - started) * 1e3
    if is_fused:
        near = leg(_by_vector_alone(request, wanted))
        return _fused(snapshot, request, found, near, text_ms, take, work)
    kept = _window(request, found.scores)
    scores = found.scores[kept]
    no_distances = np.full(len(scores), np.nan)
    result = SearchResult(snapshot.lsn, found.ids[kept], no_distances, scores=scores, by_words=True)
    explain = _explain_text(snapshot, found, text_ms) if request.explain else None
    return _with_columns(snapshot, request, result, explain, take, work)


def _by_vector_alone(request: SearchRequest, depth: int) -> SearchRequest:
    return replace(
        request,
        text=None,
        fusion=None,
        k=depth,
        offset=0,
        min_score=None,
        include_payload=False,
        fields=None,
        include_vector=False,
        include_score=False,
    )


def _fused(
    snapshot: Snapshot,
    request: SearchRequest,
    found: TextHits,
    near: SearchResult,
    text_ms: float,
    take: TakeBytes,
    work: Work,
) -> SearchResult:
    started = perf_counter()
    fusion = request.fusion or Fusion()
    distances = dict(zip(near.ids.tolist(), near.distances.tolist(), strict=True))
    words = dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))
    for id in _left_out(request):
        words.pop(id, None)
    by_vector = {id: rank for rank, id in enumerate(distances, 1)}
    by_text = {id: rank for rank, id in enumerate(words, 1)}
    sums: dict[int | str, float] = {}
    for ranks, weight in ((by_vector, fusion.weights[0]), (by_text, fusion.weights[1])):
        for id, rank in ranks.items():
            sums[id] = sums.get(id, 0.0) + weight / (fusion.k + rank)
    order = sorted(sums, key=lambda id: (-sums[id], id))
    scores = np.array([sums[id] for id in order], np.float64)
    chosen = order[_window(request, scores)]
    ids: Ids = np.empty(len(chosen), near.ids.dtype)
    ids[:] = chosen
    result = SearchResult(
        snapshot.lsn,
        ids,
        np.array([distances.get(id, np.nan) for id in chosen], np.float64),
        scores=scores[_window(request, scores)],
        text_scores=np.array([words.get(id, np.nan) for id in chosen], np.float64),
        by_words=True,
    )
    explain = None
    if request.explain:
        assert near.explain is not None, "it was asked for"
        ranks_of = [HitRanks(by_vector.get(id), by_text.get(id)) for id in chosen]
        fusion_ms = (perf_counter() - started) * 1e3
        told = TextExplain(
            found.words, found.matches, len(words), found.postings, text_ms, fusion_ms, ranks_of
        )
        explain = replace(near.explain, text=told)
    return _with_columns(snapshot, request, result, explain, take, work)


def _left_out(request: SearchRequest) -> list[int | str]:
    """Ids that were searched with, which are no answer."""
    examples = [] if request.recommend is None else request.recommend.examples.tolist()
    return examples if request.id is None else [request.id]


def _window(request: SearchRequest, scores: Scores) -> slice:
    """Which of some hits, whose scores descend, are answered."""
    stop = len(scores)
    if request.min_score is not None:
        stop = int(np.searchsorted(-scores, -request.min_score, side="right"))
    return slice(request.offset, max(request.offset, min(request.offset + request.k, stop)))


def _with_columns(
    snapshot: Snapshot,
    request: SearchRequest,
    result: SearchResult,
    explain: Explain | None,
    take: TakeBytes,
    work: Work,
) -> SearchResult:
    """The result with the payloads and vectors that were asked for."""
    started = perf_counter()
    payloads = vectors = None
    if request.include_payload or request.include_vector:
        places = _places(snapshot, result.ids)
        if request.include_payload:
            payloads = payloads_at(snapshot.parts, places, request.fields, take, work)
        if request.include_vector:
            vectors = some_vectors_at(snapshot, places, work.counting(take))
    if explain is not None:
        explain = replace(explain, fetch_ms=(perf_counter() - started) * 1e3)
    return replace(result, payloads=payloads, vectors=vectors, explain=explain)


def _places(snapshot: Snapshot, ids: Ids) -> Places:
    """Where living rows lie, by their ids."""
    parts, ordinals = np.zeros(len(ids), np.uint32), np.zeros(len(ids), np.uint32)
    for number, view in enumerate(snapshot.parts):
        rows = view.find(ids)
        is_here = rows >= 0
        parts[is_here], ordinals[is_here] = number, rows[is_here]
    return Places(parts, ordinals)


def _explain_text(snapshot: Snapshot, found: TextHits, text_ms: float) -> Explain:
    told = TextExplain(found.words, found.matches, len(found.ids), found.postings, text_ms)
    parts = [PartChoice(view.rows, view.live, 0, "skip", "there is no vector") for view in snapshot.parts]
    return Explain(parts, found.matches, 0, 0, True, 0.0, 0.0, text_ms, 0.0, told)
