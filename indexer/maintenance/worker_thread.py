"""Threads for building graphs: they use the processor time that queries and writers leave."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import anyio

P = ParamSpec("P")
T = TypeVar("T")

NICENESS = 10
"""A thread of this niceness gets about a tenth of an ordinary thread's share of a busy processor."""


async def in_background(name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs it in a thread of low priority, which ends with it; its native threads inherit the priority.

    A caller that is cancelled meanwhile gets on only after it has ended. Whoever calls this waits for a turn
    before, so there are few such threads, and an index with nothing to build has none.
    """
    executor = ThreadPoolExecutor(1, name, initializer=lower_priority)
    ended = asyncio.wrap_future(executor.submit(function, *args, **kwargs))
    executor.shutdown(wait=False)
    with anyio.CancelScope(shield=True):
        await asyncio.wait([ended])
    return ended.result()


def lower_priority() -> None:
    """Gives the calling thread the niceness of background work."""
    if sys.platform == "linux":  # where a priority belongs to a thread; elsewhere it is the process's
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


async def first_of(*events: anyio.Event) -> None:
    """Returns when one of the events is set."""
    async with anyio.create_task_group() as group:

        async def wait_and_stop(event: anyio.Event) -> None:
            await event.wait()
            group.cancel_scope.cancel()

        for event in events:
            group.start_soon(wait_and_stop, event)
