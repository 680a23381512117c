"""Which segments to merge, and when: tiers of like size, and segments that have lost many rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asteroid_cloud.indexer.segment import Segment

TIER_BASE_ROWS = 64
DEAD_SHARE_MAX = 0.2
QUIET_SHARE_MIN = 0.25


def tier_of(rows: int, fan_out: int) -> int:
    """Segments whose row counts lie within a factor of ``fan_out`` share a tier."""
    return max(0, math.floor(math.log(max(rows, 1) / TIER_BASE_ROWS, fan_out)))


def pick_merge(segments: Sequence[Segment], fan_out: int, rows_max: int, is_quiet: bool) -> list[Segment]:
    """The segments to merge next, oldest first; empty when all is well.

    A full tier is merged into one segment of the next, unless that would exceed ``rows_max``, the rows
    whose graph fits in the memory budget. A segment that has lost more than DEAD_SHARE_MAX of its rows
    is rewritten on its own. While nobody writes, one segment is best for searches: all are merged, if what
    is beside the largest is at least QUIET_SHARE_MIN of it, so that a trickle of writes does not cost a
    rebuild of everything each time.
    """
    for members in _full_tiers(segments, fan_out):
        if _rows(members) <= rows_max:
            return members
    for segment in segments:
        if segment.tombstones.count > DEAD_SHARE_MAX * segment.rows and segment.live <= rows_max:
            return [segment]
    if is_quiet and len(segments) > 1 and _rows(segments) <= rows_max:
        largest = max(segment.live for segment in segments)
        if _rows(segments) - largest >= QUIET_SHARE_MIN * largest:
            return list(segments)
    return []


def _full_tiers(segments: Sequence[Segment], fan_out: int) -> list[list[Segment]]:
    tiers: dict[int, list[Segment]] = {}
    for segment in segments:
        tiers.setdefault(tier_of(segment.live, fan_out), []).append(segment)
    return [tiers[tier][:fan_out] for tier in sorted(tiers) if len(tiers[tier]) >= fan_out]


def _rows(segments: Sequence[Segment]) -> int:
    return sum(segment.live for segment in segments)
