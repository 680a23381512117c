"""Which value some rows have, and which rows have one of some values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from asteroid_cloud.indexer import PartView
from asteroid_cloud.query.fields.values import cost_of_values
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.filters.paths import Path
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.knn.group_by import GroupBy, Key
from asteroid_cloud.query.records.records import Places
from asteroid_cloud.query.selection.bitmaps import Bits, bytes_for, ordinals_in_steps, with_rows
from asteroid_cloud.query.selection.documents import decoded, value_at
from asteroid_cloud.query.selection.evaluate_filter import evaluate, matches_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.filter_cost import cost_of_matching, cost_of_payloads
from asteroid_cloud.query.selection.matching_rows import MatchingRows
from asteroid_cloud.query.work import Work
from asteroid_cloud.wal.limits import MIB

TEXT_AT_ONCE = 1 * MIB
"""Characters of values that are looked for together: what tests them takes several times that."""


def values_at(views: Sequence[PartView], places: Places, path: Path, work: Work) -> list[Any]:
    """The value at the path of each place, or MISSING."""
    values: list[Any] = [MISSING] * len(places)
    in_order = np.lexsort((places.ordinals, places.parts))  # as they lie on the disk
    roots = frozenset(path[:1])
    for part in np.unique(places.parts):
        rows = in_order[places.parts[in_order] == part]
        documents = decoded(views[part], places.ordinals[rows], roots, work, cost_of_values)
        found = (value_at(document, path) for some in documents for document in some)
        for row, value in zip(rows.tolist(), found, strict=True):
            values[row] = value
    return values


def rows_having(
    view: PartView, base: MatchingRows, by: GroupBy, keys: Sequence[Key], cache: FilterCache, work: Work
) -> Bits:
    """Of some rows of a part those of some groups: by columns, or by payloads where these are fewer."""
    found = np.zeros(bytes_for(view.rows), np.uint8)
    for some in _in_pieces(keys):
        found |= _rows_matching(view, base, by.having_one_of(some), cache, work)
    return found


def _rows_matching(
    view: PartView, base: MatchingRows, filter: Filter, cache: FilterCache, work: Work
) -> Bits:
    if cost_of_payloads(view, filter, base.count) > cost_of_matching(view, filter, cache):
        bits = evaluate(view, filter, 0, view.rows, work)
        return bits if base.mask is None else bits & base.mask
    found = np.zeros(bytes_for(view.rows), np.uint8)
    for ordinals in ordinals_in_steps(base.mask, view.rows):
        found |= with_rows(ordinals[matches_at(view, filter, ordinals, work)], bytes_for(view.rows))
    return found


def _in_pieces(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    start = size = 0
    for stop, key in enumerate(keys):
        size += len(key) if isinstance(key, str) else 0
        if size > TEXT_AT_ONCE and stop > start:
            yield keys[start:stop]
            start, size = stop, len(key) if isinstance(key, str) else 0
    if start < len(keys):
        yield keys[start:]
