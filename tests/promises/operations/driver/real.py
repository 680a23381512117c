"""The product on a disk in memory: an engine that stays open from step to step, and copies to look into."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.wal.append import writer
from asteroid_cloud.wal.errors import AsteroidError
from tests.promises.operations.driver.disk import KillableFiles, Killed
from tests.promises.operations.driver.looking import Inside, Seen, inside, look_at, outside, seen_in
from tests.support.seeded_loop import SeededLoop, threads_in_place

LOG_FILE_BYTES = 1500
BEGAN_MS = 1_700_000_000_000
Do = Callable[[Engine], Awaitable[Any]]


class Real:
    """One disk, and at most one engine that is open on it."""

    def __init__(self, seed: int) -> None:
        self.disk = KillableFiles()
        self.now_ms = BEGAN_MS
        self._loop = SeededLoop(seed)
        self._calls: asyncio.Queue[tuple[Do, asyncio.Future[Any]] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._folder = ""

    def open(self, folder: str, options: EngineOptions) -> None:
        """Opens a store; raises AsteroidError, Killed. While one is open: as another process would."""
        if self._task is not None:
            self._loop.run_until_complete(seen_in(self.disk, folder, options))
            return
        self._folder = folder
        opened: asyncio.Future[Any] = self._loop.create_future()
        self._calls = asyncio.Queue()
        self._task = self._loop.create_task(self._live(folder, options, opened))
        try:
            self._wait(opened)
        except AsteroidError:
            self._end()
            raise

    @property
    def is_open(self) -> bool:
        """Whether an engine is open."""
        return self._task is not None

    def serves(self, folder: str) -> bool:
        """Whether that store is open."""
        return self.is_open and self._folder == folder

    def do(self, do: Do) -> Any:
        """Lets the open engine do something; raises AsteroidError, Killed."""
        done: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put_nowait((do, done))
        return self._wait(done)

    def close(self) -> None:
        """Closes the engine in order; raises Killed."""
        self._calls.put_nowait(None)
        self._end()

    def killed(self) -> None:
        """Ends what is left of a process that was killed; the next one begins."""
        self.disk.kill()
        if self._task is not None:
            self._task.cancel()
            self._loop.run_until_complete(asyncio.wait({self._task}))
            self._drop()
        self.disk.revive()

    def look(self, folder: str) -> Seen:
        """What a store holds, seen on a copy of the disk; or on the disk itself while it is open."""
        return look_at(self.disk.copy_of(folder), folder, self._loop.run_until_complete)

    def log_is_damaged(self, folder: str) -> bool:
        """Whether bytes of the log of a store, which may be open, are not as they were written."""
        return outside(self.disk, folder).log_is_damaged

    def look_inside(self) -> Seen:
        """What the open store holds."""

        async def seen(engine: Engine) -> Inside:
            return inside(engine)

        return Seen("", outside(self.disk, self._folder), self.do(seen))

    def leave(self) -> None:
        """Ends everything."""
        self.killed()
        self._loop.close()

    async def _live(self, folder: str, options: EngineOptions, opened: asyncio.Future[Any]) -> None:
        waiting = opened
        try:
            async with Engine.open(folder, options, files=self.disk) as engine:
                await engine.ready()
                opened.set_result(None)
                while (call := await self._calls.get()) is not None:
                    do, waiting = call
                    try:
                        waiting.set_result(await do(engine))
                    except AsteroidError as error:
                        waiting.set_exception(error)
        except AsteroidError as error:
            if waiting.done():
                raise
            waiting.set_exception(error)

    def _wait(self, done: asyncio.Future[Any]) -> Any:
        assert self._task is not None
        waiting = asyncio.wait({done, self._task}, return_when=asyncio.FIRST_COMPLETED)
        self._loop.run_until_complete(waiting)
        if not done.done():
            self._end()
            raise AssertionError("the engine has ended without an answer")
        return done.result()

    def _end(self) -> None:
        assert self._task is not None
        self._loop.run_until_complete(asyncio.wait({self._task}))
        task = self._task
        self._drop()
        if self.disk.is_dead:
            raise Killed
        task.result()

    def _drop(self) -> None:
        assert self._task is not None
        if not self._task.cancelled():
            self._task.exception()  # it was asked for: nobody needs to be told
        self._task = None


@contextmanager
def real(seed: int) -> Iterator[Real]:
    """A disk for one history: threads run in place, time and random values come from the seed."""
    drawn = random.Random(seed)
    logging.disable(logging.CRITICAL)
    with threads_in_place(), pytest.MonkeyPatch.context() as patch:
        made = Real(seed)
        patch.setattr(writer, "LOG_FILE_BYTES_MAX", LOG_FILE_BYTES)
        patch.setattr(time, "time_ns", lambda: made.now_ms * 1_000_000)
        patch.setattr("secrets.token_bytes", drawn.randbytes)
        patch.setattr("secrets.randbits", drawn.getrandbits)
        try:
            yield made
        finally:
            made.leave()
            logging.disable(logging.NOTSET)
