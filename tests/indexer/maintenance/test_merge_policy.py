"""Which segments are merged, and when none is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from asteroid_cloud.indexer.maintenance.merge_policy import pick_for_seal, pick_merge
from asteroid_cloud.indexer.model.deletions import Deletions
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal.lsn import Lsn


@dataclass
class FakeSegment:
    """What the policy looks at."""

    number: int
    rows: int
    deletions: Deletions = field(default_factory=lambda: Deletions(100_000))


def pick(*rows: int, segments_max: int = 4, is_quiet: bool = False) -> list[int]:
    segments = cast("list[Segment]", [FakeSegment(number, count) for number, count in enumerate(rows)])
    return [segment.number for segment in pick_merge(segments, Lsn(5), segments_max, is_quiet)]


@pytest.mark.parametrize(
    ("rows", "picked"),
    [
        ([], []),
        ([1000, 1000, 1000, 1000], []),
        ([1000, 1000, 1000, 1000, 1000], [0, 1, 2, 3, 4]),
        ([9000, 1000, 1000, 1000, 1000], [1, 2, 3, 4]),
        ([10, 9000, 300, 4000, 90], [4, 0]),
        ([100, 90_000, 300, 4000, 90], [0, 4]),
        ([9000, 4200, 2000, 900, 1200], [2, 4, 3]),
    ],
)
def test_too_many_are_merged_with_what_they_outweigh(rows: list[int], picked: list[int]) -> None:
    assert pick(*rows) == picked


@pytest.mark.parametrize(
    ("rows", "picked"), [([1000], []), ([1000, 1000], [0, 1]), ([1000, 50], []), ([500, 2000, 50], [1, 0, 2])]
)
def test_quiet_times_make_one_of_all_unless_it_is_not_worth_it(rows: list[int], picked: list[int]) -> None:
    assert pick(*rows, is_quiet=True) == picked


def test_whatever_arrives_segments_stay_few_and_rows_move_seldom() -> None:
    sizes: list[int] = []
    moved = 0
    for _ in range(1000):
        sizes.append(16)
        while chosen := pick(*sizes):
            merged = sum(sizes[place] for place in chosen)
            moved += merged
            sizes = [size for place, size in enumerate(sizes) if place not in chosen] + [merged]
    assert len(sizes) <= 4
    assert moved <= 20 * 16 * 1000, "a row is moved about as often as sizes double, and a few times more"


def test_a_segment_is_rewritten_for_those_who_were_dead_at_the_base_only() -> None:
    segment = FakeSegment(1, 100)
    segment.deletions.mark_deleted(Lsn(7), np.arange(50, dtype=np.uint32))
    only = cast("list[Segment]", [segment])
    assert pick_merge(only, Lsn(6), 4, True) == [], "a merge as of record 6 would drop none of them"
    assert pick_merge(only, Lsn(7), 4, True) == only


@pytest.mark.parametrize(
    ("rows", "new", "least", "picked"),
    [
        ([1000, 1010], 10, 1, [0]),
        ([1000, 300, 9000], 10, 1, [1]),
        ([1000, 300, 9000], 400, 1, [1]),
        ([600, 300, 9000], 400, 1, [1, 0]),
        ([600, 300, 9000], 10, 3, [1, 0, 2]),
        ([600, 300, 1200], 400, 0, [1, 0, 2]),
        ([600], 400, 0, []),
    ],
)
def test_a_seal_takes_the_smallest_along_and_what_they_outweigh(
    rows: list[int], new: int, least: int, picked: list[int]
) -> None:
    segments = cast("list[Segment]", [FakeSegment(number, count) for number, count in enumerate(rows)])
    assert [segment.number for segment in pick_for_seal(segments, Lsn(5), new, least)] == picked
