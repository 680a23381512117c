"""Waiting, threads and parallel calls where calls block; ``aio`` has a twin of this module."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Generic, ParamSpec, TypeVar

from asteroid_cloud.client.arguments import listable
from asteroid_cloud.client.errors import AsteroidError
from asteroid_cloud.client.protocol.batches import Item, Items

A = TypeVar("A")
P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

sleep = time.sleep


def in_thread(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Calls it: the thread that blocks is the caller's own."""
    return function(*args, **options)


def batched(items: Items, size: int) -> Generator[list[Item], None, None]:
    """The items in lists of at most that size."""
    supply = iter(listable(items))
    while batch := list(islice(supply, size)):
        yield batch


class Parallel(Generic[S, T]):
    """A bounded number of calls under way, each with the subject that it is about.

    If there may be only one, it runs in the caller's thread.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads = ThreadPoolExecutor(most, "asteroid-client") if most > 1 else None
        self._futures: dict[Future[T], S] = {}

    def __len__(self) -> int:
        return len(self._futures)

    @property
    def is_full(self) -> bool:
        """Whether one must end before another may begin."""
        return len(self._futures) >= self._most

    def start(self, subject: S, call: Callable[[A], T], argument: A) -> None:
        """Begins a call."""
        if self._threads is not None:
            self._futures[self._threads.submit(call, argument)] = subject
            return
        future: Future[T] = Future()
        try:
            future.set_result(call(argument))
        except AsteroidError as error:
            future.set_exception(error)
        self._futures[future] = subject

    def first_done(self) -> list[tuple[S, Callable[[], T]]]:
        """Waits until at least one has ended; the subjects of those that have, and how to get the results."""
        done, _ = wait(self._futures, return_when=FIRST_COMPLETED)
        return [(self._futures.pop(future), future.result) for future in done]

    def abandon(self) -> None:
        """Gives up what has not begun, and waits until the rest has ended."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
