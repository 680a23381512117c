"""A connection without a socket or a clock: what is written is kept, and timers run when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from asteroid_cloud.api.http.connection.crowd import Crowd
from asteroid_cloud.api.http.connection.protocol import Connection
from tests.support.wire_answers import split_answers

ROUNDS = 20
"""Turns of the event loop in which an answer goes on."""


class Wire(asyncio.Transport):
    """Keeps what is written, and what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.calls: list[str] = []
        self.is_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.calls or "abort" in self.calls

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Timer:
    """Runs only when it is told to."""

    def __init__(self, delay_s: float, run: Callable[[], None]) -> None:
        self.delay_s = delay_s
        self.run = run
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """The running event loop, but for its clock."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, delay_s: float, run: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay_s, run))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)


class Peer:
    """A client of an application, as the application's own side of the connection sees it."""

    def __init__(self, app: Any, crowd: Crowd | None = None) -> None:
        self.loop = Loop()
        self.wire = Wire()
        self.state = ServerState()
        config = Config(app, ws="none", lifespan="off", log_config=None)
        loop: Any = self.loop
        self.connection = Connection(crowd or Crowd(10), config, self.state, {}, loop)
        self.connection.connection_made(self.wire)

    async def send(self, data: bytes) -> None:
        """Sends, as soon as the server reads, and lets it work."""
        rounds = 0
        while self.wire.is_paused:
            await asyncio.sleep(0)
            assert (rounds := rounds + 1) < 1_000, "it never reads on"
        self.connection.data_received(data)
        await self.settle()

    async def settle(self) -> None:
        """Until nothing more is written."""
        before = -1
        while before != len(self.wire.written):
            before = len(self.wire.written)
            for _ in range(ROUNDS):
                await asyncio.sleep(0)

    def clocks(self) -> list[float]:
        """The times of all timers that run."""
        return [timer.delay_s for timer in self.loop.timers if not timer.is_cancelled]

    async def let_time_pass(self) -> None:
        """Runs out all timers that run now."""
        for timer in list(self.loop.timers):
            if not timer.is_cancelled:
                timer.cancel()
                timer.run()
        await self.settle()

    async def hang_up(self) -> None:
        """The client goes, and all that was under way ends."""
        self.connection.connection_lost(None)
        while self.state.tasks:
            await asyncio.sleep(0)

    @property
    def statuses(self) -> list[int]:
        """Of all answers so far."""
        return [status for status, _, _ in split_answers(self.wire.written)]

    @property
    def last_body(self) -> bytes:
        """Of the newest answer."""
        return split_answers(self.wire.written)[-1][2]
