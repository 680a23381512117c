"""Turns: one builds at a time, for tasks and threads alike, and no collection starves."""

from __future__ import annotations

import threading

import anyio
import pytest

from asteroid_cloud.indexer.memory.turns import Turns

pytestmark = pytest.mark.anyio


class Owner:
    """A collection."""


def turns() -> Turns:
    return Turns(lambda: 7)


async def test_a_turn_that_nobody_has_begins_at_once() -> None:
    lane, owner = turns(), Owner()
    assert lane.is_free
    async with lane.turn(owner):
        assert not lane.is_free
        assert lane.is_free_for(owner)
        assert not lane.is_free_for(Owner())
        assert not lane.try_take(Owner())
    assert lane.try_take(owner)
    lane.release()
    assert lane.is_free


async def test_the_one_goes_first_whose_last_turn_ended_longest_ago() -> None:
    lane, busy, others = turns(), Owner(), [Owner(), Owner()]
    done: list[object] = []

    async def build(owner: object) -> None:
        async with lane.turn(owner):
            done.append(owner)
            await anyio.sleep(0)

    async with lane.turn(busy):
        async with anyio.create_task_group() as group:
            for owner in (busy, busy, busy, *others, busy):
                group.start_soon(build, owner)
                await anyio.wait_all_tasks_blocked()
            assert lane.waiting == 6
            assert not lane.is_free_for(busy)
            assert not lane.try_take(busy)
            group.cancel_scope.cancel()
        assert lane.waiting == 0
    async with anyio.create_task_group() as group, lane.turn(busy):
        for owner in (busy, busy, busy, *others, busy):
            group.start_soon(build, owner)
            await anyio.wait_all_tasks_blocked()
    assert done == [*others, busy, busy, busy, busy]


async def test_who_is_cancelled_leaves_its_turn_to_the_next_one() -> None:
    lane = turns()
    async with lane.turn(Owner()):
        with anyio.move_on_after(0.01):
            async with lane.turn(Owner()):
                raise AssertionError("let in")
        assert lane.waiting == 0
    with anyio.fail_after(5):
        async with lane.turn(Owner()):
            pass


async def test_who_is_cancelled_as_its_turn_comes_passes_it_on() -> None:
    lane, first, second = turns(), Owner(), Owner()
    began = anyio.Event()

    async def build() -> None:
        async with lane.turn(second):
            began.set()

    async with anyio.create_task_group() as group:
        assert lane.try_take(first)
        with anyio.CancelScope() as scope:

            async def end_and_cancel() -> None:
                await anyio.wait_all_tasks_blocked()
                lane.release()
                scope.cancel()

            group.start_soon(end_and_cancel)
            async with lane.turn(first):
                raise AssertionError("let in")
        group.start_soon(build)
        with anyio.fail_after(5):
            await began.wait()
    assert lane.is_free


async def test_an_error_in_a_turn_ends_it() -> None:
    lane = turns()
    with pytest.raises(ZeroDivisionError):
        async with lane.turn(Owner()):
            raise ZeroDivisionError
    assert lane.is_free


def test_threads_wait_for_their_turn_or_give_it_up() -> None:
    lane, entered, order = turns(), threading.Event(), list[str]()

    def give_up() -> None:
        raise ZeroDivisionError

    def build() -> None:
        with lane.turn_in_thread(Owner(), lambda: None):
            order.append("thread")
            entered.set()

    with lane.turn_in_thread(Owner(), give_up):  # it is free, so nobody asks
        thread = threading.Thread(target=build)
        thread.start()
        with pytest.raises(ZeroDivisionError), lane.turn_in_thread(Owner(), give_up):
            raise AssertionError("let in")
        order.append("first")
    thread.join(10)
    assert order == ["first", "thread"]
    assert lane.is_free
