"""A proxy with faults, drawn at random: it cuts, copies, delays, and answers in the server's place."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from ops.faulty.relay import ask, read_request

FAULTS = {
    "none": 60,
    "cut before": 4,
    "cut after": 5,
    "half": 5,
    "twice": 5,
    "copied late": 5,
    "late": 3,
    "interim": 4,
    "refused before": 4,
    "refused after": 4,
    "garbage before": 2,
    "garbage after": 2,
    "surplus": 3,
    "slow": 3,
    "closed": 3,
}
"""What may happen to a request, and how often."""
LATE_MAX = 12
"""A copy arrives after so many requests at most."""
INTERIM = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"]
INTERIM += [b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"]
STATUSES = [b"429 Too Many Requests", b"500 Oops", b"502 Bad Gateway", b"503 Busy", b"504 Gateway Timeout"]
GARBAGE = [
    b"",
    b"HTTP/1.1 2x0 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI",
    b"SSH-2.0-dropbear\r\n",
]


class FaultyProxy:
    """Listens on a port of its own, in a thread of its own, until the ``with`` block ends."""

    def __init__(self, target: str, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        """How often each fault came."""
        self.url = ""
        self.target = target
        self._rng = Random(seed)
        self._late: list[tuple[int, bytes]] = []
        """Copies, each with the number of the request before which it arrives."""
        self._requests = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def deliver(self) -> None:
        """Lets all copies arrive that are still on their way."""
        self._run(self._deliver(everything=True))

    def _run(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                self._requests += 1
                await self._deliver()
                fault = self._rng.choices(list(FAULTS), list(FAULTS.values()))[0]
                self.counts[fault] += 1
                if not await self._answer(fault, request, writer):
                    return
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _answer(self, fault: str, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answers one request, or not; whether the connection goes on."""
        what, _, when = fault.partition(" ")
        if fault == "late" or fault == "copied late":
            self._late.append((self._requests + self._rng.randint(1, LATE_MAX), request))
        if fault == "late" or when == "before":
            answer: bytes | None = None
        elif fault == "twice":
            answer = self._rng.choice(await asyncio.gather(self._ask(request), self._ask(request)))
        else:
            answer = await self._ask(request)
        return await self._send(what, answer, writer)

    async def _send(self, what: str, answer: bytes | None, writer: asyncio.StreamWriter) -> bool:
        if what == "refused":
            return await _write(writer, self._refusal())
        if what == "garbage":
            await _write(writer, self._rng.choice([*GARBAGE, self._rng.randbytes(self._rng.randint(1, 300))]))
            return False
        if answer is None or what in ("cut", "late"):
            return False
        if what == "half":
            await _write(writer, answer[: self._rng.randrange(len(answer))])
            return False
        if what == "interim":
            return await _write(writer, b"".join(self._rng.choices(INTERIM, k=2)) + answer)
        if what == "surplus":
            return await _write(writer, answer + self._rng.choice([answer, b"\r\n", self._refusal()]))
        if what == "slow":
            for start in range(0, len(answer), max(1, len(answer) // 5)):
                await _write(writer, answer[start : start + max(1, len(answer) // 5)])
                await asyncio.sleep(0)
            return True
        return await _write(writer, answer) and what != "closed"

    def _refusal(self) -> bytes:
        status = self._rng.choice(STATUSES)
        return b"HTTP/1.1 %b\r\nContent-Length: 6\r\nRetry-After: 0\r\n\r\n<html>" % status

    async def _ask(self, request: bytes) -> bytes | None:
        parts = urlsplit(self.target)
        return await ask(parts.hostname or "", parts.port or 0, request)

    async def _deliver(self, everything: bool = False) -> None:
        due = [each for each in self._late if everything or each[0] <= self._requests]
        self._late = [each for each in self._late if each not in due]
        for _, request in due:
            await self._ask(request)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> bool:
    writer.write(data)
    with suppress(ConnectionError):
        await writer.drain()
        return True
    return False
