"""The event loop that a blocking store lives in, seen from the threads that call it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from functools import partial
from typing import ParamSpec, TypeVar

from anyio.from_thread import BlockingPortal

P = ParamSpec("P")
T = TypeVar("T")


class EventLoop:
    """Runs calls in the loop's thread while the caller waits."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal

    def run(self, call: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        """The result of a call."""
        return self._portal.call(partial(call, *args, **options))

    def each(self, supply: AsyncGenerator[T, None]) -> Iterator[T]:
        """What an asynchronous generator yields, one by one; it is closed when the caller stops."""
        try:
            while (value := self.run(anext, supply, None)) is not None:
                yield value
        finally:
            self.run(supply.aclose)
