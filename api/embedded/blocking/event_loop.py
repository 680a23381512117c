"""The event loop that a blocking store lives in, seen from the threads that call it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from anyio.from_thread import BlockingPortal

from asteroid_cloud.api.embedded.life import store_closed
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.wal.errors import Conflict

P = ParamSpec("P")
T = TypeVar("T")


class EventLoop:
    """Runs calls in the loop's thread while the caller waits."""

    def __init__(self, opening: Callable[[], Awaitable[Store]]) -> None:
        """Starts the thread and opens the store in it; raises what keeps it from opening."""
        self.process = os.getpid()
        began: Future[tuple[asyncio.AbstractEventLoop, BlockingPortal]] = Future()
        self._thread = threading.Thread(target=_run, args=(began,), name="asteroid-store", daemon=True)
        self._thread.start()
        self._loop, self._portal = began.result()
        self._closing = threading.Lock()
        try:
            self.store = self._call(opening)
        except BaseException:
            self._stop()
            raise

    def run(self, call: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        """The result of a call. Raises Conflict: ``store_closed``, or ``other_process`` in a forked child."""
        self.store.life.check()
        return self._call(partial(call, *args, **options))

    def each(self, supply: AsyncGenerator[T, None]) -> Iterator[T]:
        """What an asynchronous generator yields, one by one; it is closed when the caller stops."""
        try:
            while (value := self.run(anext, supply, None)) is not None:
                yield value
        finally:
            with suppress(Conflict):  # closed: the generator has ended with the store
                self.run(supply.aclose)

    def close(self) -> None:
        """Closes the store and ends the thread; the second time, or in a forked child, it does nothing."""
        if self.process != os.getpid():
            return
        with self._closing:
            if self._thread.is_alive():
                try:
                    self._call(self.store.aclose)
                finally:
                    self._stop()

    def abandon(self) -> None:
        """Has the store closed and the thread ended, without waiting for it."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._loop.create_task, _end(self._portal, self.store))

    def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            future = self._portal.start_task_soon(call)
        except RuntimeError as error:
            raise self._refused() from error
        try:
            return future.result()
        except CancelledError as error:
            raise store_closed() from error
        except BaseException:
            future.cancel()  # the caller does not wait any more: an interrupt from the keyboard
            raise

    def _refused(self) -> Conflict:
        if threading.current_thread() is self._thread:
            return Conflict("a call from within another call of the store", code="conflict")
        return store_closed()

    def _stop(self) -> None:
        with suppress(RuntimeError):
            self._portal.call(self._portal.stop)
        self._thread.join()


def _run(began: Future[tuple[asyncio.AbstractEventLoop, BlockingPortal]]) -> None:
    async def until_stopped() -> None:
        async with BlockingPortal() as portal:
            began.set_result((asyncio.get_running_loop(), portal))
            await portal.sleep_until_stopped()

    asyncio.run(until_stopped())


async def _end(portal: BlockingPortal, store: Store) -> None:
    try:
        await store.aclose()
    finally:
        await portal.stop()
