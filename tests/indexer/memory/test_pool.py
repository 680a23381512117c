"""A pool of memory: together no more than there is, a part for each, and room for those who wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asteroid_cloud.indexer.memory.pool import Pool
from asteroid_cloud.indexer.memory.share import SHARE_BYTES_MIN, PooledShare
from asteroid_cloud.wal.limits import MIB

TOTAL = 16 * MIB


@dataclass
class User:
    """One who uses a share: what it holds goes when it is asked to shrink and then ``give_up`` is called."""

    share: PooledShare
    held: int = 0
    asked: int = 0
    woken: int = 0

    def __post_init__(self) -> None:
        self.share.measure_with(lambda: self.held)
        self.share.shrink, self.share.wake = self._shrink, self._wake

    def _shrink(self) -> None:
        self.asked += 1

    def _wake(self) -> None:
        self.woken += 1

    def take(self, size: int) -> bool:
        """As a write does."""
        if self.share.admits(self.held + size, alone=not self.held):
            self.held += size
            return True
        return False

    def give_up(self) -> None:
        """As when all is sealed."""
        self.held = 0
        self.share.freed()


def users(count: int, total: int = TOTAL) -> tuple[Pool, list[User]]:
    pool = Pool(lambda: total)
    return pool, [User(PooledShare("tail", pool)) for _ in range(count)]


def test_who_is_alone_has_all_of_it_and_may_exceed_it_once() -> None:
    pool, (one,) = users(1)
    assert one.share.bytes_max == one.share.bytes_now == TOTAL
    assert one.take(TOTAL)
    assert not one.take(1)
    one.give_up()
    assert one.take(9 * TOTAL)
    assert pool.used == 9 * TOTAL


def test_the_idle_leave_all_but_their_floors() -> None:
    pool, (busy, *idle) = users(11)
    assert busy.share.bytes_max == TOTAL - 10 * SHARE_BYTES_MIN
    assert busy.take(TOTAL - 10 * SHARE_BYTES_MIN)
    assert not busy.take(1)
    for one in idle:
        assert one.take(SHARE_BYTES_MIN), "the floor is free whoever is busy"
    assert pool.used == TOTAL
    assert not idle[0].take(1)


def test_floors_take_half_of_the_pool_at_most() -> None:
    pool, (busy, *_) = users(1000)
    assert pool.floor == TOTAL // 2000
    assert busy.share.bytes_max >= TOTAL // 2
    assert busy.take(TOTAL // 2)


def test_a_newcomer_gets_an_equal_part_once_the_other_one_has_shrunk() -> None:
    _, (first, second) = users(2)
    assert first.take(TOTAL - SHARE_BYTES_MIN)
    assert second.share.bytes_max == TOTAL // 2
    assert not second.take(MIB), "it is not free yet"
    with second.share.waiting(MIB):
        assert first.asked == 1
        assert first.share.bytes_max == TOTAL - MIB
        first.give_up()
        assert second.woken == 1
        assert first.take(TOTAL - MIB)
        assert not first.take(1), "what another one waits for is not to be had"
        assert second.take(MIB)


def test_who_waits_gets_its_turn_though_others_take_all_that_they_may() -> None:
    _, (waits, *greedy) = users(4)
    for one in greedy:
        while one.take(MIB // 2):
            pass
    with waits.share.waiting(2 * MIB):
        for _ in range(20):
            if waits.take(2 * MIB):
                break
            for one in greedy:
                if one.asked:
                    one.asked = 0
                    one.give_up()
                while one.take(MIB // 2):
                    pass
            waits.share.press()
        else:
            raise AssertionError("starved")


def test_one_write_at_a_time_exceeds_its_part() -> None:
    pool, (first, second, third) = users(3)
    assert first.take(64 * MIB)
    assert not second.take(64 * MIB)
    assert second.take(SHARE_BYTES_MIN), "but the floor is free"
    with third.share.waiting(64 * MIB):
        assert first.asked == 1
        first.give_up()
        assert third.take(64 * MIB)
    assert pool.used <= TOTAL + 64 * MIB


def test_what_cannot_be_given_up_keeps_nobody_from_an_equal_part() -> None:
    _, (stuck, other) = users(2)
    assert stuck.take(TOTAL - SHARE_BYTES_MIN)
    assert not other.take(4 * MIB)
    stuck.share.can_shrink = lambda: False
    with other.share.waiting(4 * MIB):
        assert stuck.asked == 0
    assert other.take(4 * MIB)
    assert not stuck.take(1)


def test_as_few_as_are_needed_are_asked_to_shrink_those_first_who_hold_most() -> None:
    _, (small, large, larger, waits) = users(4)
    assert larger.take(9 * MIB)
    assert large.take(6 * MIB)
    assert small.take(MIB // 2)
    with waits.share.waiting(MIB):
        assert [one.asked for one in (small, large, larger)] == [0, 0, 1]


def test_who_leaves_leaves_its_part_to_the_others() -> None:
    pool, (first, second) = users(2)
    assert first.take(TOTAL - SHARE_BYTES_MIN)
    with second.share.waiting(MIB):
        first.share.close()
        assert second.woken == 1
        assert second.take(MIB)
    assert second.share.bytes_max == TOTAL
    assert pool.used == second.held
    first.share.close()
    assert second.share.bytes_max == TOTAL


def test_what_a_moment_leaves_free_is_never_less_than_the_floor() -> None:
    _, (first, second) = users(2)
    first.held = 2 * TOTAL
    assert first.share.bytes_max == TOTAL - SHARE_BYTES_MIN
    assert second.share.bytes_max == TOTAL // 2
    assert second.share.bytes_now == SHARE_BYTES_MIN
    first.held = 0
    assert second.share.bytes_now == second.share.bytes_max == TOTAL - SHARE_BYTES_MIN


def test_figures_that_have_fallen_are_asked_for_again_when_memory_is_short() -> None:
    _, (first, second, third, _) = users(4)
    first.held = 9 * MIB
    assert first.share.bytes_max
    first.held = 0
    assert second.share.bytes_max == TOTAL - 3 * SHARE_BYTES_MIN
    third.held = MIB
    third.share.freed()
    assert second.share.bytes_max == TOTAL - MIB - 3 * SHARE_BYTES_MIN
    third.held = 0
    third.share.freed()
    assert second.share.bytes_max == TOTAL - 3 * SHARE_BYTES_MIN


STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["take", "give up", "wait"]), st.integers(1, 6 * MIB)),
    max_size=60,
)


@settings(max_examples=200)
@given(STEPS)
def test_whatever_happens_all_together_use_no_more_than_there_is_and_one_write(
    steps: list[tuple[int, str, int]],
) -> None:
    pool, members = users(6, 4 * MIB)
    largest = 0
    for who, what, size in steps:
        one = members[who]
        if what == "take":
            if one.take(size):
                largest = max(largest, size)
        elif what == "give up":
            one.give_up()
        else:
            with one.share.waiting(size):
                for other in members:
                    if other.asked:
                        other.asked = 0
                        other.give_up()
                assert one.take(size) or one.held, "who holds nothing is let in once others have shrunk"
                largest = max(largest, size)
        assert pool.used <= 4 * MIB + max(0, largest)
        assert all(each.share.bytes_max >= 4 * MIB // 6 for each in members)
        assert all(each.share.bytes_max <= 4 * MIB for each in members)


@pytest.mark.parametrize("count", [2, 7])
def test_threads_that_ask_at_once_agree_about_what_is_used(count: int) -> None:
    pool, members = users(count, MIB)

    def work(one: User) -> None:
        for size in range(1, 400):
            one.held = size * 97
            assert MIB // count <= one.share.bytes_max <= MIB
            one.share.press()

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(work, members))
    for one in members:
        one.held = 0
        one.share.close()
    assert pool._noted == 0
