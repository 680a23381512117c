"""How long a store may be used, and where: until it is closed, in the process and loop that opened it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio

from asteroid_cloud.wal.errors import Conflict

P = ParamSpec("P")
T = TypeVar("T")


class Life:
    """Of one open store. Calls under way end with ``store_closed`` when it is closed."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.is_closed = False
        self._loop = asyncio.get_running_loop()
        self._calls: dict[anyio.CancelScope, asyncio.Task[Any] | None] = {}
        self._one_less = anyio.Event()

    def check(self) -> None:
        """Raises Conflict: ``other_process`` in a forked child, ``store_closed`` after the end."""
        if self.process != os.getpid():
            raise Conflict(
                f"the store was opened by process {self.process}; open it again after a fork",
                code="other_process",
            )
        if self.is_closed:
            raise store_closed()

    def check_loop(self) -> None:
        """Raises what ``check`` does, and Conflict ``other_loop`` in another event loop than the store's."""
        self.check()
        if asyncio.get_running_loop() is not self._loop:
            raise Conflict("the store was opened in another event loop", code="other_loop")

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call under way; the end of the store cancels it and makes it raise ``store_closed``."""
        self.check_loop()
        scope = anyio.CancelScope()
        self._calls[scope] = asyncio.current_task()
        try:
            with scope:
                yield
        finally:
            del self._calls[scope]
            self._one_less.set()
        if scope.cancelled_caught:
            raise store_closed()

    @property
    def is_inside(self) -> bool:
        """Whether the current task is in the middle of a call."""
        return asyncio.current_task() in self._calls.values()

    async def end(self) -> None:
        """Lets no call in any more, cancels those under way, and waits until they have ended."""
        self.is_closed = True
        for scope in self._calls:
            scope.cancel()
        while self._calls:
            self._one_less = anyio.Event()
            await self._one_less.wait()


def until_closed(
    call: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """A method that ends with ``store_closed`` when the store is closed meanwhile."""

    @wraps(call)
    async def guarded(self: Any, /, *arguments: P.args, **options: P.kwargs) -> T:
        with self.life.call():
            return await call(self, *arguments, **options)

    return guarded


def each_until_closed(
    supply: Callable[Concatenate[Any, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], AsyncGenerator[T, None]]:
    """A generator that ends with ``store_closed`` when the store is closed meanwhile."""

    @wraps(supply)
    async def guarded(self: Any, /, *arguments: P.args, **options: P.kwargs) -> AsyncGenerator[T, None]:
        async with aclosing(supply(self, *arguments, **options)) as values:
            while True:
                with self.life.call():
                    try:
                        value = await anext(values)
                    except StopAsyncIteration:
                        return
                yield value

    return guarded


def store_closed() -> Conflict:
    """The error of a store that is used after its end."""
    return Conflict("the store is closed", code="store_closed")
