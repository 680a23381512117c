"""What each kind of read will cost, before it begins, in the unit of ``costs``.

An estimate decides where a read runs, and refuses one that is far too large. It may be wrong: what a read
does is counted too.
"""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.indexer import PartView, Snapshot
from asteroid_cloud.query.costs import COLUMN, COLUMN_ROW, READING, RECORD, UNPACKED_BYTE
from asteroid_cloud.query.fields.values import cost_of_values
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.knn.planner import estimate
from asteroid_cloud.query.knn.recall import RecallRequest
from asteroid_cloud.query.knn.request import SearchRequest
from asteroid_cloud.query.records.order import OrderBy
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.filter_cost import cost_of_matching, payload_bytes


def of_count(snapshot: Snapshot, filter: Filter, cache: FilterCache) -> float:
    """Of finding all rows that match."""
    return sum(
        cost_of_matching(view, filter, cache) + RECORD + view.rows // 64 * COLUMN_ROW
        for view in snapshot.parts
    )


def of_search(snapshot: Snapshot, request: SearchRequest, cache: FilterCache) -> float:
    """Of one search."""
    return estimate(snapshot, request, cache)


def of_searches(snapshot: Snapshot, requests: Sequence[SearchRequest], cache: FilterCache) -> float:
    """Of a batch of searches; each distinct filter is evaluated once."""
    filters = {request.answerable for request in requests if request.ids is None}
    once = sum(of_count(snapshot, filter, cache) for filter in filters)
    each = sum(estimate(snapshot, request, cache, with_filter=False) for request in requests)
    return once + each


def of_recall(snapshot: Snapshot, request: RecallRequest, cache: FilterCache) -> float:
    """Of measuring recall: an exact search, and another one, for each sample."""
    filtered = of_count(snapshot, request.filter, cache)
    matching = sum(view.live for view in snapshot.parts)
    return filtered + request.num * matching * snapshot.spec.dim


def of_scroll(
    snapshot: Snapshot,
    filter: Filter,
    limit: int,
    cache: FilterCache,
    *,
    reads: bool,
    order: OrderBy | None = None,
) -> float:
    """Of one page: all that matches is looked through for the smallest ids, or those first in an order."""
    walked: float = sum(view.rows for view in snapshot.parts) * COLUMN_ROW
    if order is not None:
        walked += sum(_of_ordered(view, order, limit) for view in snapshot.parts)
    return of_count(snapshot, filter, cache) + walked + of_records(snapshot, limit, reads=reads)


def _of_ordered(view: PartView, order: OrderBy, limit: int) -> float:
    """Of a part's first rows in an order: each of them is read once, or all where no columns tell."""
    columns = view.part.fields
    if columns is None or not columns.knows(order.path):
        return _of_values(view)
    return min(_of_values(view), limit * (READING + RECORD))


def _of_values(view: PartView) -> float:
    size = payload_bytes(view, view.live)
    return cost_of_values(view.live, size) + size * UNPACKED_BYTE


def of_fields(snapshot: Snapshot, filter: Filter, cache: FilterCache) -> float:
    """Of reading a field of all rows that match, as if all did."""
    return of_count(snapshot, filter, cache) + sum(map(_of_values, snapshot.parts))


def of_field_list(snapshot: Snapshot) -> float:
    """Of listing the fields of all payloads, by columns where these tell of them all."""
    cost = 0.0
    for view in snapshot.parts:
        columns = view.part.fields
        paths = None if columns is None else columns.paths()
        cost += _of_values(view) if paths is None else len(paths) * (3 * COLUMN + view.rows * COLUMN_ROW)
    return cost


def of_records(snapshot: Snapshot, count: int, *, reads: bool) -> float:
    """Of finding so many records by id; with ``reads`` also of reading a payload or vector of each."""
    is_on_disk = not all(view.part.is_flat for view in snapshot.parts)
    return count * (len(snapshot.parts) * RECORD + reads * (READING if is_on_disk else RECORD))
