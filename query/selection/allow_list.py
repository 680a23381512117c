"""The rows of a part that a list of ids allows, and of those the ones that match a filter."""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Ids, PartView
from asteroid_cloud.query.costs import RECORD
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.selection.bitmaps import Bits, bytes_for, has, with_rows
from asteroid_cloud.query.selection.evaluate_filter import matches_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.filter_cost import cost_of_matching, cost_of_payloads
from asteroid_cloud.query.work import UNBOUNDED, Work

KEY_BYTES = 16


class AllowList:
    """Ids that a search may answer with; those that do not exist allow nothing."""

    def __init__(self, ids: Ids) -> None:
        self.ids: Ids = np.unique(ids)
        """Ascending, each once."""

    @property
    def has_strings(self) -> bool:
        """Whether the ids are strings."""
        return bool(self.ids.dtype == np.object_)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def key(self) -> bytes:
        """Two lists share it only if they are the same set."""
        packed = msgspec.msgpack.encode(self.ids.tolist()) if self.has_strings else self.ids.tobytes()
        return blake2b(packed, digest_size=KEY_BYTES).digest()

    def rows(self, view: PartView, filter: Filter, cache: FilterCache, work: Work = UNBOUNDED) -> Bits:
        """The living rows of a part that the list allows and the filter matches, packed."""
        work.spend(len(self) * RECORD)
        found = view.find(self.ids)
        ordinals = found[found >= 0].astype(np.uint32)
        if len(ordinals) and not filter.matches_all:
            ordinals.sort()  # payloads are read in the order of the disk
            ordinals = ordinals[_matching(view, filter, ordinals, cache, work)]
        return with_rows(ordinals, bytes_for(view.rows))


def cost_of_allowed(view: PartView, allowed: AllowList, filter: Filter, cache: FilterCache) -> float:
    """About what ``AllowList.rows`` would cost."""
    if filter.matches_all:
        return len(allowed) * RECORD
    rows = min(len(allowed), view.rows)
    each = cost_of_payloads(view, filter, rows)
    return len(allowed) * RECORD + min(each, cost_of_matching(view, filter, cache))


def _matching(
    view: PartView, filter: Filter, ordinals: NDArray[np.uint32], cache: FilterCache, work: Work
) -> NDArray[np.bool_]:
    """Which of the rows match: by the filter's bitmap, unless it is dearer to make than to read the rows."""
    if cost_of_payloads(view, filter, len(ordinals)) < cost_of_matching(view, filter, cache):
        return matches_at(view, filter, ordinals, work)
    return has(cache.matching(view, filter, work), ordinals)
