"""Dividing fairly: nobody starves, nothing is given twice, and what nobody wants goes to those who do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.memory.fair_level import fair_level, room_beside

TOTALS = st.integers(0, 1 << 40)
WANTS = st.lists(st.integers(0, 1 << 40), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("total", "wants", "level"),
    [
        (16, [16], 16),
        (16, [20], 16),
        (16, [16, 1, 16], 7),
        (16, [4, 16], 12),
        (16, [0, 16], 16),
        (16, [3, 4, 5], 16),
        (10, [9, 9, 9], 3),
        (0, [5], 0),
        (7, [], 7),
    ],
)
def test_examples(total: int, wants: list[int], level: int) -> None:
    assert fair_level(total, wants) == level


@given(TOTALS, WANTS)
def test_all_get_what_they_want_or_the_level_and_together_no_more_than_there_is(
    total: int, wants: list[int]
) -> None:
    level = fair_level(total, wants)
    given_ = [min(want, level) for want in wants]
    assert sum(given_) <= total
    assert level >= total // len(wants), "an equal part at least"
    if sum(wants) > total:
        assert sum(given_) > total - len(wants), "and nothing but what rounding leaves stays unused"
    else:
        assert given_ == wants


@given(TOTALS, WANTS, st.integers(0, 1 << 40))
def test_who_wants_more_takes_nothing_from_those_below_the_level(
    total: int, wants: list[int], more: int
) -> None:
    level = fair_level(total, wants)
    greedier = fair_level(total, [wants[0] + more, *wants[1:]])
    assert greedier <= level
    for want in wants[1:]:
        assert min(want, greedier) >= min(want, total // len(wants))


@given(TOTALS, WANTS)
def test_room_beside_others_is_what_they_leave_or_an_equal_part(total: int, others: list[int]) -> None:
    room = room_beside(total, others)
    assert total // (len(others) + 1) <= room <= total
    assert room >= total - sum(others)
    assert room + sum(min(other, room) for other in others) <= total
    assert room_beside(total, []) == total
