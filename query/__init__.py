"""Filters and searches over one snapshot of the index: plain, synchronous functions.

Owns the filter language, the choice of how to search, and every way of reading records. It never
writes, waits or keeps anything but a bounded cache of bitmaps, which the caller owns.
"""

from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter, parse_filter
from asteroid_cloud.query.knn.planner import PartChoice
from asteroid_cloud.query.knn.request import Explain, Hit, SearchRequest, SearchResult
from asteroid_cloud.query.knn.search import search, search_batch
from asteroid_cloud.query.rows.facets import (
    Bounds,
    Facets,
    FacetValue,
    FieldRange,
    facets,
    field_path,
    field_range,
)
from asteroid_cloud.query.rows.records import Record, fetch, fetch_one
from asteroid_cloud.query.rows.scroll import ScrollPage, scroll
from asteroid_cloud.query.rows.selections import count, matching_among, matching_batches
from asteroid_cloud.query.selection.filter_cache import FilterCache

# Names of version 0.1, which keep working.
MaskCache = FilterCache

__all__ = [
    "MATCH_ALL",
    "Bounds",
    "Explain",
    "FacetValue",
    "Facets",
    "FieldRange",
    "Filter",
    "FilterCache",
    "Hit",
    "MaskCache",
    "PartChoice",
    "Record",
    "ScrollPage",
    "SearchRequest",
    "SearchResult",
    "count",
    "facets",
    "fetch",
    "fetch_one",
    "field_path",
    "field_range",
    "matching_among",
    "matching_batches",
    "parse_filter",
    "scroll",
    "search",
    "search_batch",
]
