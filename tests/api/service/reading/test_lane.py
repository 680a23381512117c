"""Threads go to those who would be done first, none gets lost, and a cancelled caller ends its call."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from asteroid_cloud.api.service.reading.lane import Lane
from asteroid_cloud.wal.errors import Overloaded

pytestmark = pytest.mark.anyio


class Held:
    """A call that lasts until it is let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.over = threading.Event()
        self.ends = 0

    def __call__(self) -> str:
        self.began.set()
        assert self.over.wait(30)
        self.ends += 1
        return "done"

    async def is_under_way(self) -> None:
        """Returns once a thread runs it."""
        while not self.began.is_set():
            await anyio.sleep(0)


async def test_the_result_and_what_a_call_raises_come_back() -> None:
    lane = Lane(1)
    assert await lane.run(lambda: threading.current_thread()) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda: 1 // 0)
    assert await lane.run(lambda: 5) == 5, "the thread is free again"


async def test_a_short_call_passes_a_long_one_that_waits_and_time_makes_up_for_length() -> None:
    lane, held, order = Lane(1), Held(), list[str]()
    async with anyio.create_task_group() as group:
        group.start_soon(lane.run, held)
        await held.is_under_way()
        for name, expected_s in (("long", 1_000.0), ("short", 0.0), ("middle", 5.0), ("shorter", 0.0)):
            group.start_soon(
                lambda name, s: lane.run(lambda: order.append(name), expected_s=s), name, expected_s
            )
            await anyio.wait_all_tasks_blocked()
        held.over.set()
    assert order == ["short", "shorter", "middle", "long"]


async def test_one_that_waits_too_long_is_refused() -> None:
    lane, held = Lane(1), Held()
    async with anyio.create_task_group() as group:
        group.start_soon(lane.run, held)
        await held.is_under_way()
        with pytest.raises(Overloaded):
            await lane.run(lambda: 1, wait_s=0.0)
        held.over.set()
    assert await lane.run(lambda: 2) == 2


@pytest.mark.parametrize("kind", ["scope", "task"])
async def test_a_cancelled_caller_ends_its_call_and_waits_for_its_end(kind: str) -> None:
    lane, held = Lane(1), Held()

    async def call() -> None:
        await lane.run(held, held.over.set)

    if kind == "scope":
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await held.is_under_way()
            group.cancel_scope.cancel()
    else:
        task = asyncio.ensure_future(call())
        await held.is_under_way()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert held.ends == 1, "the thread has ended"
    assert await lane.run(lambda: 2) == 2


async def test_one_that_is_cancelled_while_it_waits_leaves_its_place() -> None:
    lane, held, calls = Lane(1), Held(), list[int]()
    async with anyio.create_task_group() as group:
        group.start_soon(lane.run, held)
        await held.is_under_way()
        waiting = asyncio.ensure_future(lane.run(lambda: calls.append(1)))
        await anyio.wait_all_tasks_blocked()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        called = asyncio.ensure_future(lane.run(lambda: calls.append(2)))
        await anyio.wait_all_tasks_blocked()
        held.over.set()
        await called
    assert calls == [2]


async def test_a_turn_that_comes_as_its_owner_is_cancelled_goes_to_the_next() -> None:
    lane, calls = Lane(1), list[int]()
    async with lane._turn(0.0, 30.0):
        first = asyncio.ensure_future(lane.run(lambda: calls.append(1)))
        await anyio.wait_all_tasks_blocked()
        second = asyncio.ensure_future(lane.run(lambda: calls.append(2)))
        await anyio.wait_all_tasks_blocked()
    first.cancel()  # which has been called, and does not know yet
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert calls == [2]
