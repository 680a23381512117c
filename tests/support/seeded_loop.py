"""An event loop whose order and time come from a seed, and worker threads that run in it.

Any ready callback may run next; the seed decides, so each seed is one schedule, which can be repeated. Time
stands still while a callback is ready; otherwise it jumps to the next timer. Work for threads runs in the
loop, as a whole. Before and after it, other callbacks run, as many as the seed says.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread
from anyio._backends._asyncio import CancelScope

from asteroid_cloud.indexer.checkpoint import checkpointer as checkpoint
from asteroid_cloud.indexer.maintenance import merger, sealer
from asteroid_cloud.indexer.state import log_applier

T = TypeVar("T")

TURNS = (0, 0, 1, 2, 5, 20)
JUMPS_MAX = 10_000


class Stuck(Exception):
    """No callback is ready, and no timer is left that could make one ready."""


class SeededLoop(asyncio.SelectorEventLoop):
    """Runs one ready callback at a time; the seed decides which."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_s = 0.0
        self._jumps = 0
        super().__init__()

    def time(self) -> float:
        """Seconds since the loop began, as far as its timers are concerned."""
        return self.now_s

    def _run_once(self) -> None:
        inside: Any = self
        held: list[Any] = list(inside._ready)
        if not held:
            self._jump(inside)
        elif len(held) > 1:
            picked = held.pop(self.random.randrange(len(held)))
            inside._ready = deque([picked])
        else:
            held = []
        try:
            super()._run_once()  # type: ignore[misc]
        finally:
            if held:
                inside._ready.extendleft(reversed(held))

    def _jump(self, inside: Any) -> None:
        if not inside._scheduled:
            if not inside._stopping:
                raise Stuck("every task waits for another")
            return
        self._jumps += 1
        if self._jumps > JUMPS_MAX:
            raise Stuck("only timers go on: every task waits for another")
        self.now_s = max(self.now_s, inside._scheduled[0]._when)


def _turns() -> int:
    loop = asyncio.get_running_loop()
    return loop.random.choice(TURNS) if isinstance(loop, SeededLoop) else 0


async def _in_place(function: Callable[..., T], *args: Any, **_: Any) -> T:
    """What ``to_thread.run_sync`` does, without a thread."""
    await anyio.lowlevel.checkpoint()
    with anyio.CancelScope(shield=True):
        for _turn in range(_turns()):
            await asyncio.sleep(0)
        try:
            result = function(*args)
        finally:
            for _turn in range(_turns()):
                await asyncio.sleep(0)
    return result


async def _in_background(_name: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    return await _in_place(lambda: function(*args, **kwargs))


class InOrder(dict[Any, None]):
    """A set whose iteration follows the order of insertion, not addresses in memory."""

    def add(self, one: object) -> None:
        """Puts it in."""
        self[one] = None

    def discard(self, one: object) -> None:
        """Takes it out, if it is there."""
        self.pop(one, None)

    remove = dict.__delitem__


def _begin_in_order(self: CancelScope, *args: Any, **kwargs: Any) -> None:
    _begin(self, *args, **kwargs)
    inside: Any = self
    inside._tasks, inside._child_scopes = InOrder(), InOrder()


_begin = CancelScope.__init__


def loop_time() -> float:
    """Seconds, as the running loop counts them."""
    return asyncio.get_running_loop().time()


@contextmanager
def threads_in_place() -> Iterator[pytest.MonkeyPatch]:
    """While the block runs, the loop does the work of worker threads, and its clock replaces the real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_thread, "run_sync", _in_place)
        patch.setattr(merger, "in_background", _in_background)
        patch.setattr(sealer, "in_background", _in_background)
        patch.setattr(CancelScope, "__init__", _begin_in_order)
        for module in (log_applier, checkpoint, merger, sealer):
            patch.setattr(module, "time", SimpleNamespace(monotonic=loop_time))
        yield patch


def run_seeded(seed: int, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs ``main()`` on the schedule of the seed, without threads; raises Stuck when it cannot end."""
    with threads_in_place(), asyncio.Runner(loop_factory=lambda: SeededLoop(seed)) as runner:
        return runner.run(main())


async def together(*calls: Awaitable[object]) -> None:
    """Runs all of them at the same time; returns when all have ended."""

    async def wait(call: Awaitable[object]) -> None:
        await call

    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(wait, call)
