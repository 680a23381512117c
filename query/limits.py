"""The hard limits of what may be asked: searches, pages, filters, facets (contract §4, §5)."""

from __future__ import annotations

from asteroid_cloud.wal.limits import MIB

K_MAX = 10_000
EF_SEARCH_MAX = 100_000
EF_SEARCH_DEFAULT = 128
OFFSET_MAX = 10_000
SEARCHES_MAX = 1_000
SCROLL_LIMIT_MAX = 10_000

# What the answers of one batch of searches may hold together.
SEARCH_BATCH_HITS_MAX = 200_000

# What a filter may be.
FILTER_BYTES_MAX = 8_192
FILTER_DEPTH_MAX = 16
FILTER_NODES_MAX = 1_024

# What may be asked of a payload field, and how many different values of one are counted.
FIELD_BYTES_MAX = 1_024
FACET_LIMIT_MAX = 1_000
FACET_VALUES_MAX = 100_000
FACET_TEXT_BYTES_MAX = 16 * MIB

# Bitmaps of filters that are kept in memory.
MASK_CACHE_BYTES = 16 * MIB
