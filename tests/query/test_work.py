"""What a read may do is bounded in steps and in time, and it can be cancelled, also while it waits."""

from __future__ import annotations

import threading

import pytest

from asteroid_cloud.query import COMPONENTS_A_SECOND, UNBOUNDED, Work
from asteroid_cloud.query.costs import READING
from asteroid_cloud.wal.errors import Cancelled, Overloaded, TooCostly


def test_steps_are_counted_until_there_are_too_many() -> None:
    work = Work(10, what="the filter x")
    work.spend(4)
    work.spend(6)
    assert work.spent == 10
    with pytest.raises(TooCostly, match="the filter x takes more work") as caught:
        work.spend(1)
    assert isinstance(caught.value, Overloaded)
    assert caught.value.code == "too_costly"
    with pytest.raises(TooCostly):
        work.check()


def test_the_limit_is_named_in_seconds() -> None:
    with pytest.raises(TooCostly, match=r"0\.5 s of one processor") as caught:
        Work(COMPONENTS_A_SECOND // 2).spend(COMPONENTS_A_SECOND)
    assert caught.value.details["limit_s"] == 0.5


def test_time_ends_a_read_and_is_counted_anew_for_its_next_part() -> None:
    work = Work(seconds=0.0)
    with pytest.raises(TooCostly, match="longer than 0 s") as caught:
        work.check()
    assert caught.value.details["limit_s"] == 0.0
    later = Work(seconds=1_000_000.0)
    later.go_on()
    later.check()


def test_what_is_cancelled_ends_at_its_next_report() -> None:
    work = Work(10, 0.0)
    work.cancel()
    with pytest.raises(Cancelled):
        work.spend(100)  # being cancelled is named before all else
    with pytest.raises(Cancelled), work.in_core() as allowance:
        allowance.spend(0)


def test_reading_columns_counts_before_they_are_taken() -> None:
    taken = list[int]()
    work = Work(READING + 100)
    take = work.counting(taken.append)
    take(50)
    with pytest.raises(TooCostly):
        take(50)
    assert taken == [50]


def test_one_that_waits_for_another_can_be_cancelled() -> None:
    work, lock, ended = Work(), threading.Lock(), list[type]()

    def wait() -> None:
        try:
            with work.holding(lock):
                ended.append(type(None))
        except Cancelled:
            ended.append(Cancelled)

    with lock:
        waiting = threading.Thread(target=wait)
        waiting.start()
        work.cancel()
        waiting.join(10)
    assert ended == [Cancelled]
    with UNBOUNDED.holding(lock):
        assert lock.locked()
    assert not lock.locked()


def test_one_that_may_not_wait_is_told_at_once() -> None:
    work, lock = Work(may_wait=False), threading.Lock()
    with lock, pytest.raises(TooCostly, match="wait"), work.holding(lock):
        raise AssertionError
    with work.holding(lock):
        assert lock.locked()
