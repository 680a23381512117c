"""Filters and searches over one snapshot of the index: plain, synchronous functions.

It owns the filter language, the choice of how to search, and every way to read records. It never writes and
never waits; all that it keeps is a bounded cache of bitmaps, which belongs to the caller.
"""

from asteroid_cloud.query import estimates
from asteroid_cloud.query.costs import COMPONENTS_A_SECOND, seconds_of
from asteroid_cloud.query.fields.facets import Facets, FacetValue, facets
from asteroid_cloud.query.fields.field_list import FieldInfo, field_list
from asteroid_cloud.query.fields.field_range import Bounds, FieldRange, field_range
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter, parse_filter
from asteroid_cloud.query.filters.paths import MalformedPath, Path, field_path, parse_path, path_text
from asteroid_cloud.query.knn.diversity import Diversity
from asteroid_cloud.query.knn.examples import Recommend
from asteroid_cloud.query.knn.explain import Explain, PartChoice
from asteroid_cloud.query.knn.group_by import Group, GroupBy
from asteroid_cloud.query.knn.planner import estimate
from asteroid_cloud.query.knn.recall import Recall, RecallRequest, recalls, summary_of
from asteroid_cloud.query.knn.request import Hit, SearchRequest, SearchResult
from asteroid_cloud.query.knn.search import search, search_batch
from asteroid_cloud.query.records.matching_records import (
    count,
    matching_among,
    matching_batches,
    payload_batches,
)
from asteroid_cloud.query.records.order import OrderBy, order_by
from asteroid_cloud.query.records.projection import Projection, Wanted
from asteroid_cloud.query.records.records import Record, fetch, fetch_one
from asteroid_cloud.query.records.scroll import NUMBER_BYTES, ScrollPage, scroll
from asteroid_cloud.query.selection.allow_list import AllowList
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.text.request import Fusion, TextQuery
from asteroid_cloud.query.work import UNBOUNDED, Work, too_costly

# Names of version 0.1, which keep working.
MaskCache = FilterCache

__all__ = [
    "COMPONENTS_A_SECOND",
    "MATCH_ALL",
    "NUMBER_BYTES",
    "UNBOUNDED",
    "AllowList",
    "Bounds",
    "Diversity",
    "Explain",
    "FacetValue",
    "Facets",
    "FieldInfo",
    "FieldRange",
    "Filter",
    "FilterCache",
    "Fusion",
    "Group",
    "GroupBy",
    "Hit",
    "MalformedPath",
    "MaskCache",
    "OrderBy",
    "PartChoice",
    "Path",
    "Projection",
    "Recall",
    "RecallRequest",
    "Recommend",
    "Record",
    "ScrollPage",
    "SearchRequest",
    "SearchResult",
    "TextQuery",
    "Wanted",
    "Work",
    "count",
    "estimate",
    "estimates",
    "facets",
    "fetch",
    "fetch_one",
    "field_list",
    "field_path",
    "field_range",
    "matching_among",
    "matching_batches",
    "order_by",
    "parse_filter",
    "parse_path",
    "path_text",
    "payload_batches",
    "recalls",
    "scroll",
    "search",
    "search_batch",
    "seconds_of",
    "summary_of",
    "too_costly",
]
