"""The hard limits of what may be asked: searches, pages, filters, facets."""

from __future__ import annotations

from asteroid_cloud.wal.limits import MIB

K_MAX = 10_000
"""Results of one search."""
EF_SEARCH_MAX = 100_000
"""`ef_search` of one search."""
EF_SEARCH_DEFAULT = 128
"""`ef_search` of a search that names none."""
EF_SEARCH_WIDENED_MAX = 1_024
"""What that grows to, at most, while the sampled recall of such searches is too low."""
OFFSET_MAX = 10_000
"""Nearest matches that a search can skip."""
ALLOWED_IDS_MAX = 10_000
"""Ids that a search can be limited to."""
RECOMMEND_IDS_MAX = 1_000
"""Examples of one search, positive and negative together."""
GROUPED_HITS_MAX = 10_000
"""`k` groups of `size` hits each, multiplied."""
DIVERSITY_CANDIDATES_MAX = 2_000
"""Candidates among which `diversity` chooses; `k` is at most as many then."""
SEARCHES_MAX = 1_000
"""Searches in a batch."""
SEARCH_BATCH_HITS_MAX = 200_000
"""Results of all searches of a batch together."""
RECALL_ROWS_MAX = 1_000
"""Stored rows that one measurement of recall searches with."""
TEXT_QUERY_BYTES_MAX = 4_096
"""The words of one search by text, together."""
TEXT_WORDS_MAX = 256
"""Words of one search by text."""
FUSION_K_MAX = 1_000_000
"""`k` of a fusion."""
FUSION_WEIGHT_MAX = 1_000_000
"""A weight of a fusion."""
SCROLL_LIMIT_MAX = 10_000
"""Rows on one page of a scroll."""

FILTER_BYTES_MAX = 1 * MIB
"""A filter as JSON."""
FILTER_VALUES_MAX = 20_000
"""Values that the predicates of a filter compare with, together."""
PARSED_FILTERS_BYTES_MAX = 8 * MIB
"""Filters that are kept parsed, as JSON."""
FILTER_DEPTH_MAX = 16
"""Levels of nesting in a filter."""
FILTER_NODES_MAX = 1_024
"""Predicates in a filter."""
FILTER_SCANS_MAX = 16
"""Predicates of a filter that look through texts: `$contains_text`, `$phrase`, `$icontains`, `$regex`."""
REGEX_BYTES_MAX = 256
"""The expression of a `$regex`, in UTF-8."""

FIELDS_MAX = 100
"""Payload fields that one read can choose."""
FIELD_BYTES_MAX = 1_024
"""The path of a payload field."""
FIELDS_LISTED_MAX = 10_000
"""Fields of payloads that a list of them can have."""
FIELDS_TEXT_BYTES_MAX = 4 * MIB
"""The keys on the way to these, together, in characters."""
FACET_LIMIT_MAX = 1_000
"""Values that one call for facets can list."""
FACET_CONTAINS_BYTES_MAX = 1_024
"""The text that the values which facets list are to contain."""
FACET_VALUES_MAX = 100_000
"""Distinct values of a field that facets can count."""
FACET_TEXT_BYTES_MAX = 16 * MIB
"""The distinct strings of a field that facets can count, together."""

MASK_CACHE_BYTES = 16 * MIB
"""Bitmaps of filters that are kept in memory, unless the memory budget gives another share."""
