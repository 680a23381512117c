"""Which segments to merge, and when: sizes that halve from one to the next, few rows dead, few segments."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Lsn

DEAD_SHARE_MAX = 0.2
QUIET_SHARE_MIN = 0.1


def pick_merge(segments: Sequence[Segment], base: Lsn, segments_max: int, is_quiet: bool) -> list[Segment]:
    """The segments to merge next, largest first; empty when all is well.

    Rows count as they were as of record ``base``, for that is what a merge takes: a row that has died
    since goes into the new segment all the same, and judged by it a segment would be rewritten for ever.

    More than ``segments_max`` are too many: the smallest are merged, and with them each larger one that
    they outweigh together, so that a row is in a segment of at least twice the size each time. A segment
    that has lost more than DEAD_SHARE_MAX of its rows is rewritten on its own. While nothing is written, one
    segment is best for searches: all are merged, if what is beside the largest is at least QUIET_SHARE_MIN
    of it, so that a trickle of writes does not cost a copy of everything each time.
    """
    live = {segment.number: segment.rows - segment.deletions.count_as_of(base) for segment in segments}
    by_size = sorted(segments, key=lambda segment: -live[segment.number])
    sizes = [live[segment.number] for segment in by_size]
    if len(segments) > segments_max:
        return by_size[_first_outweighed(sizes, segments_max - 1) :]
    for segment in segments:
        if segment.rows - live[segment.number] > DEAD_SHARE_MAX * segment.rows:
            return [segment]
    if is_quiet and len(segments) > 1 and sum(sizes[1:]) >= QUIET_SHARE_MIN * sizes[0]:
        return by_size
    return []


def pick_for_seal(segments: Sequence[Segment], base: Lsn, rows: int, least: int) -> list[Segment]:
    """The segments that go into a new segment with ``rows`` others, smallest first, so that it adds none.

    The ``least`` smallest go, and each larger one that what goes already outweighs. Rows count as of record
    ``base``.
    """
    live = {segment.number: segment.rows - segment.deletions.count_as_of(base) for segment in segments}
    picked: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: live[segment.number]):
        if len(picked) >= least and live[segment.number] >= rows:
            break
        picked.append(segment)
        rows += live[segment.number]
    return picked


def _first_outweighed(sizes: Sequence[int], last: int) -> int:
    """The first of falling sizes that is less than all after it together, and ``last`` at the latest."""
    for place, size in enumerate(sizes[:last]):
        if size < sum(sizes[place + 1 :]):
            return place
    return last
