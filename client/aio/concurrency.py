"""Waiting, threads and parallel calls where calls are awaited; ``sync`` has a twin of this module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine
from itertools import islice
from typing import Any, Generic, TypeVar

from asteroid_cloud.client.arguments import listable
from asteroid_cloud.client.protocol.batches import AsyncItems, Item

A = TypeVar("A")
S = TypeVar("S")
T = TypeVar("T")

sleep = asyncio.sleep
in_thread = asyncio.to_thread


async def batched(items: AsyncItems, size: int) -> AsyncGenerator[list[Item], None]:
    """The items in lists of at most that size."""
    if not isinstance(items, AsyncIterable):
        supply = iter(listable(items))
        while batch := list(islice(supply, size)):
            yield batch
        return
    batch = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class Parallel(Generic[S, T]):
    """A bounded number of calls under way, each with the subject that it is about."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: dict[asyncio.Task[T], S] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        """Whether one must end before another may begin."""
        return len(self._tasks) >= self._most

    def start(self, subject: S, call: Callable[[A], Coroutine[Any, Any, T]], argument: A) -> None:
        """Begins a call."""
        self._tasks[asyncio.create_task(call(argument))] = subject

    async def first_done(self) -> list[tuple[S, Callable[[], T]]]:
        """Waits until at least one has ended; the subjects of those that have, and how to get the results."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return [(self._tasks.pop(task), task.result) for task in done]

    async def abandon(self) -> None:
        """Cancels what is under way, and waits until it has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
