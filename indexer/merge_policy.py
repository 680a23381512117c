"""Which segments to merge, and when: tiers of like size, and segments that have lost many rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asteroid_cloud.indexer.segment import Segment

TIER_BASE_ROWS = 64
DEAD_SHARE_MAX = 0.2


def tier_of(rows: int, fan_out: int) -> int:
    """Segments whose row counts lie within a factor of ``fan_out`` share a tier."""
    return max(0, math.floor(math.log(max(rows, 1) / TIER_BASE_ROWS, fan_out)))


def pick_merge(segments: Sequence[Segment], fan_out: int, rows_max: int) -> list[Segment]:
    """The segments to merge next, oldest first; empty when all is well.

    A full tier is merged into one segment of the next, unless that would exceed ``rows_max``, the rows
    whose graph fits in the memory budget. A segment that has lost more than DEAD_SHARE_MAX of its rows
    is rewritten on its own.
    """
    tiers: dict[int, list[Segment]] = {}
    for segment in segments:
        tiers.setdefault(tier_of(segment.live, fan_out), []).append(segment)
    for tier in sorted(tiers):
        members = tiers[tier][:fan_out]
        if len(members) == fan_out and sum(segment.live for segment in members) <= rows_max:
            return members
    for segment in segments:
        if segment.tombstones.count > DEAD_SHARE_MAX * segment.rows and segment.live <= rows_max:
            return [segment]
    return []
