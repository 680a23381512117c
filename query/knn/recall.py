"""How much of the truth a search finds: its answer beside that of an exact search, compared by distance.

``recalls`` measures it with stored rows: each is searched for as a query, and left out of the answer itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from asteroid_cloud.indexer import Id, Snapshot
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.knn.request import SearchRequest, check_count
from asteroid_cloud.query.knn.search import search
from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT, EF_SEARCH_MAX, K_MAX, RECALL_ROWS_MAX
from asteroid_cloud.query.selection.bitmaps import nth_set
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import searchable_rows
from asteroid_cloud.query.work import UNBOUNDED, Work

TIE = 1e-5
"""Distances that differ by less, relatively, are equal."""

Distances = NDArray[np.float64]


class RecallRequest(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What to measure: searches of stored rows, all alike."""

    num: int = 20
    """How many rows to search with; fewer if fewer match."""
    k: int = 10
    ef_search: int | None = None
    ef_default: int = EF_SEARCH_DEFAULT
    """As in ``SearchRequest``."""
    filter: Filter = MATCH_ALL
    """Of the rows to search with, and of the searches."""


class Recall(msgspec.Struct, frozen=True):
    """The share of the true neighbours that searches found; 1 when there was nothing to find."""

    recall: float
    """The mean over all samples."""
    worst: float
    """The least of a single sample."""
    samples: int
    """Searches that were compared with an exact one."""


def recall_by_distance(found: Distances, truth: Distances) -> float | None:
    """The share of ``truth`` that was found; None when there is none.

    Both ascend. What is as near as the farthest of the truth counts, so of rows equally far any will do.
    """
    if len(truth) == 0:
        return None
    farthest = float(truth[-1])
    near = int(np.count_nonzero(found <= farthest + TIE * abs(farthest)))
    return min(near, len(truth)) / len(truth)


def true_distances(
    snapshot: Snapshot, request: SearchRequest, cache: FilterCache, work: Work = UNBOUNDED
) -> Distances:
    """The distances that an exact search gives for the same request."""
    exact = replace(request, exact=True, include_payload=False, include_vector=False, explain=False)
    return search(snapshot, exact, cache, work=work).distances


def recalls(
    snapshot: Snapshot, request: RecallRequest, cache: FilterCache, work: Work = UNBOUNDED
) -> Iterator[float]:
    """The recall of each sample, measured one after the other as they are asked for.

    Raises InvalidRequest ``bad_num``, ``bad_k`` or ``bad_ef_search`` at once.
    """
    check_count("num", request.num, 1, RECALL_ROWS_MAX, "bad_num")
    check_count("k", request.k, 1, K_MAX, "bad_k")
    if request.ef_search is not None:
        check_count("ef_search", request.ef_search, 1, EF_SEARCH_MAX, "bad_ef_search")
    return _recalls(snapshot, request, cache, work)


def _recalls(snapshot: Snapshot, request: RecallRequest, cache: FilterCache, work: Work) -> Iterator[float]:
    for id in evenly_drawn(snapshot, request.filter, cache, request.num, work):
        query = SearchRequest(
            id=id,
            k=request.k,
            ef_search=request.ef_search,
            ef_default=request.ef_default,
            filter=request.filter,
        )
        found = search(snapshot, query, cache, work=work).distances
        recall = recall_by_distance(found, true_distances(snapshot, query, cache, work))
        if recall is not None:
            yield recall


def summary_of(found: Sequence[float]) -> Recall:
    """The mean and the least of some samples."""
    if not found:
        return Recall(1.0, 1.0, 0)
    return Recall(sum(found) / len(found), min(found), len(found))


def evenly_drawn(
    snapshot: Snapshot, filter: Filter, cache: FilterCache, num: int, work: Work = UNBOUNDED
) -> list[Id]:
    """Ids of ``num`` rows that match, or of all, at equal distances in the order in which rows are stored."""
    matching = [searchable_rows(view, filter, cache, work) for view in snapshot.parts]
    ends = np.cumsum([0, *(each.count for each in matching)])
    num = min(num, int(ends[-1]))
    drawn = (2 * np.arange(num, dtype=np.int64) + 1) * ends[-1] // max(1, 2 * num)
    ids: list[Id] = []
    for view, rows, start, stop in zip(snapshot.parts, matching, ends[:-1], ends[1:], strict=True):
        numbers = drawn[(start <= drawn) & (drawn < stop)] - start
        ordinals = numbers.astype(np.uint32) if rows.mask is None else nth_set(rows.mask, numbers)
        ids += view.ids(ordinals).tolist()
    return ids
