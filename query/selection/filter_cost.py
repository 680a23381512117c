"""What it would cost to find the rows of a part that match a filter, before any of it is done."""

from __future__ import annotations

from asteroid_cloud.indexer import PartView
from asteroid_cloud.query.costs import COLUMN, COLUMN_ROW, NODE, UNPACKED_BYTE
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.selection.filter_cache import FilterCache


def cost_of_matching(view: PartView, filter: Filter, cache: FilterCache) -> float:
    """About what ``matching_rows`` would cost, if columns decide whatever they can."""
    if filter.matches_all:
        return 0
    rows = cache.rows_missing(view, filter)
    if rows == 0:
        return 0
    fields = view.part.fields
    if fields is None:
        return cost_of_payloads(view, filter, rows)
    cost = float(filter.values * NODE + filter.nodes * (NODE + COLUMN + fields.rows * COLUMN_ROW))
    return cost if all(map(fields.knows, filter.paths)) else cost + cost_of_payloads(view, filter, rows)


def cost_of_payloads(view: PartView, filter: Filter, rows: int) -> float:
    """About what it costs to decide on the payloads of so many rows."""
    size = payload_bytes(view, rows)
    return filter.cost_of(rows, size) + size * UNPACKED_BYTE


def payload_bytes(view: PartView, rows: int) -> int:
    """About how many bytes the payloads of so many rows have."""
    return view.part.payload_bytes * rows // max(1, view.part.native.rows)
