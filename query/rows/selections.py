"""What a filter selects from a snapshot as a whole: how many, and which ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.rows.records import NO_PAYLOAD, fetch
from asteroid_cloud.query.selection.bitmaps import ordinals_between
from asteroid_cloud.query.selection.filter_cache import FilterCache, select

# Rows of a part that are told apart in one step, whatever its size.
ROWS_A_STEP = 1 << 17

_DOCUMENT = msgspec.json.Decoder(dict[str, Any])


def count(snapshot: Snapshot, masks: FilterCache, filter: Filter = MATCH_ALL) -> int:
    """How many living records match, exactly."""
    if filter.matches_all:
        return snapshot.live
    return sum(select(view, filter, masks).count for view in snapshot.parts)


def matching_batches(
    snapshot: Snapshot, masks: FilterCache, filter: Filter, *, rows: int
) -> Iterator[NDArray[np.uint64]]:
    """The ids of all living records that match, in no order, at most ``rows`` at a time."""
    for view in snapshot.parts:
        mask = select(view, filter, masks).mask
        for start in range(0, view.rows, ROWS_A_STEP):
            ordinals = ordinals_between(mask, start, min(start + ROWS_A_STEP, view.rows))
            for first in range(0, len(ordinals), rows):
                yield view.ids(ordinals[first : first + rows])


def matching_among(
    snapshot: Snapshot, filter: Filter, ids: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], list[bytes]]:
    """Those of the ids that exist and match, read one by one, and their payload texts."""
    records = [record for record in fetch(snapshot, ids, payload=True) if record is not None]
    if not filter.matches_all:
        records = [each for each in records if filter.matches(_DOCUMENT.decode(each.payload or NO_PAYLOAD))]
    ids = np.array([each.id for each in records], np.uint64)
    return ids, [each.payload or NO_PAYLOAD for each in records]
