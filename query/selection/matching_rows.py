"""The rows of a part that a query may answer with: those that are alive and match a filter."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView
from asteroid_cloud.query.costs import COLUMN_ROW
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.selection.allow_list import AllowList
from asteroid_cloud.query.selection.bitmaps import Bits, count, every_row, first_rows, ordinals_in_steps
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.work import UNBOUNDED, Work


class MatchingRows(msgspec.Struct, frozen=True):
    """The rows of a part that a query may answer with."""

    mask: Bits | None
    """None for every row of the view."""
    count: int


def matching_rows(
    view: PartView,
    filter: Filter,
    cache: FilterCache,
    work: Work = UNBOUNDED,
    allowed: AllowList | None = None,
) -> MatchingRows:
    """The rows of the view that are alive and match, of those that are allowed; raises what ``work`` does."""
    if allowed is not None:
        mask = allowed.rows(view, filter, cache, work)
        return MatchingRows(mask, count(mask))
    if filter.matches_all:
        return MatchingRows(view.alive, view.live)
    if view.live == 0:
        return MatchingRows(view.alive if view.alive is not None else every_row(view.rows), 0)
    mask = cache.matching(view, filter, work)
    if view.alive is not None:
        mask = mask & view.alive
    return MatchingRows(mask, count(mask))


def searchable_rows(
    view: PartView,
    filter: Filter,
    cache: FilterCache,
    work: Work = UNBOUNDED,
    allowed: AllowList | None = None,
) -> MatchingRows:
    """Those of them that have a vector."""
    found = matching_rows(view, filter, cache, work, allowed)
    if not view.part.bare_rows:
        return found
    bits = first_rows(view.part.vector_bits(view.rows), view.rows)
    mask = bits if found.mask is None else found.mask & bits
    return MatchingRows(mask, count(mask))


def ordinals_of(
    view: PartView, filter: Filter, cache: FilterCache, work: Work = UNBOUNDED
) -> Iterator[NDArray[np.uint32]]:
    """The same rows by their numbers, ascending, some at a time."""
    for ordinals in ordinals_in_steps(matching_rows(view, filter, cache, work).mask, view.rows):
        work.spend(len(ordinals) * COLUMN_ROW)
        yield ordinals
