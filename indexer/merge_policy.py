"""Which segments to merge, and when: tiers of like size, and segments that have lost many rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asteroid_cloud.indexer.segment import Segment
from asteroid_cloud.wal.types import Lsn

TIER_BASE_ROWS = 64
DEAD_SHARE_MAX = 0.2
QUIET_SHARE_MIN = 0.25


def tier_of(rows: int, fan_out: int) -> int:
    """Segments whose row counts lie within a factor of ``fan_out`` share a tier."""
    return max(0, math.floor(math.log(max(rows, 1) / TIER_BASE_ROWS, fan_out)))


def pick_merge(
    segments: Sequence[Segment], base: Lsn, fan_out: int, rows_max: int, is_quiet: bool
) -> list[Segment]:
    """The segments to merge next, oldest first; empty when all is well.

    Rows count as they were as of record ``base``, for that is what a merge takes: a row that has died
    since goes into the new segment all the same, and judged by it a segment would be rewritten for ever.

    A full tier is merged into one segment of the next, unless that would exceed ``rows_max``, the rows
    whose graph fits in the memory budget. A segment that has lost more than DEAD_SHARE_MAX of its rows
    is rewritten on its own. While nobody writes, one segment is best for searches: all are merged, if what
    is beside the largest is at least QUIET_SHARE_MIN of it, so that a trickle of writes does not cost a
    rebuild of everything each time.
    """
    live = {segment.number: segment.rows - segment.tombstones.count_as_of(base) for segment in segments}
    for members in _full_tiers(segments, live, fan_out):
        if sum(live[segment.number] for segment in members) <= rows_max:
            return members
    for segment in segments:
        rows = live[segment.number]
        if segment.rows - rows > DEAD_SHARE_MAX * segment.rows and rows <= rows_max:
            return [segment]
    total = sum(live.values())
    if is_quiet and len(segments) > 1 and total <= rows_max:
        largest = max(live.values())
        if total - largest >= QUIET_SHARE_MIN * largest:
            return list(segments)
    return []


def _full_tiers(segments: Sequence[Segment], live: dict[int, int], fan_out: int) -> list[list[Segment]]:
    tiers: dict[int, list[Segment]] = {}
    for segment in segments:
        tiers.setdefault(tier_of(live[segment.number], fan_out), []).append(segment)
    return [tiers[tier][:fan_out] for tier in sorted(tiers) if len(tiers[tier]) >= fan_out]
