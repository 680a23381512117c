"""What a filter selects from a snapshot as a whole: how many, and which ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.bitmaps import ordinals_between
from asteroid_cloud.query.filters import MATCH_ALL, Filter
from asteroid_cloud.query.masks import MaskCache, select


def count(snapshot: Snapshot, masks: MaskCache, filter: Filter = MATCH_ALL) -> int:
    """How many living records match, exactly."""
    if filter.matches_all:
        return snapshot.live
    return sum(select(view, filter, masks).count for view in snapshot.parts)


def matching_ids(snapshot: Snapshot, masks: MaskCache, filter: Filter) -> NDArray[np.uint64]:
    """The ids of all living records that match, in no order."""
    found = [np.empty(0, np.uint64)]
    for view in snapshot.parts:
        selection = select(view, filter, masks)
        if selection.count:
            found.append(view.ids(ordinals_between(selection.mask, 0, view.rows)))
    return np.concatenate(found)
