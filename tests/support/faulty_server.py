"""A server with faults: a proxy before a real server, which runs in its own thread.

It records what arrives, and can be told to answer the next requests badly or not at all. It knows nothing
of what the requests mean.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp import web
from yarl import URL

Step = Callable[[web.Request], Awaitable[web.StreamResponse]]
OF_ONE_CONNECTION = {"Connection", "Content-Length", "Host", "Keep-Alive", "Transfer-Encoding"}
"""Headers that are not passed on."""
REMEMBERS = "X-Asteroid-Idempotency"


class Seen(NamedTuple):
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: object


class FaultyServer:
    """A proxy for the server at ``target``; ``script`` says what to do with the next requests instead."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.seen: list[Seen] = []
        self.script: deque[Step] = deque()
        self.forgets = False
        """Whether answers look like those of a server that remembers no keys."""
        self.release = threading.Event()
        """For steps that wait until the test lets them go."""
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self.stop()
        asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def stop(self) -> None:
        """Closes the listening socket and all connections."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._runner = None

    def cut(self, seen: Seen) -> None:
        """Closes the connection of a request."""

        async def close() -> None:
            assert isinstance(seen.connection, asyncio.Transport)
            seen.connection.close()
            await asyncio.sleep(0)  # the transport closes its socket in the next turn

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """What the real server answers."""
        assert self._session is not None
        is_json = request.content_type == "application/json"
        body = await request.read() if is_json else request.content
        async with self._session.request(
            request.method,
            URL(self.target + request.raw_path, encoded=True),
            headers=_passed_on(request.headers) | _size(request),
            data=body if request.body_exists else None,
            allow_redirects=False,
        ) as answer:
            headers = _passed_on(answer.headers)
            if self.forgets:
                headers = {name: value for name, value in headers.items() if name.title() != REMEMBERS}
            return web.Response(status=answer.status, headers=headers, body=await answer.read())

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body: Any = None
        if request.content_type == "application/json":
            body = json.loads(await request.read())
        self.seen.append(Seen(request.method, request.path, dict(request.headers), body, request.transport))
        step = self.script.popleft() if self.script else self.forward
        return await step(request)

    async def _settle(self) -> None:
        """Waits until nothing is left running of a connection that was cut."""
        assert self._session is not None
        await self._session.close()
        await self._loop.shutdown_default_executor()
        for seen in self.seen:
            assert isinstance(seen.connection, asyncio.Transport)
            seen.connection.abort()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        for _ in range(3):  # a transport closes its socket a turn or two after it is told to
            await asyncio.sleep(0)


def _passed_on(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.title() not in OF_ONE_CONNECTION}


def _size(request: web.Request) -> dict[str, str]:
    """The length of a body that is passed on as it comes."""
    return {} if request.content_length is None else {"Content-Length": str(request.content_length)}


def refuse(status: int, code: str, retry_after: str | None = None, **details: object) -> Step:
    """A step that answers with an error in the contract's shape."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}

    async def step(request: web.Request) -> web.StreamResponse:
        body = {"error": f"refused: {code}", "code": code, **details}
        return web.json_response(body, status=status, headers=headers)

    return step


def reply(status: int, body: bytes, content_type: str = "application/json") -> Step:
    """A step that answers with these bytes."""

    async def step(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, content_type=content_type)

    return step


async def hang_up(request: web.Request) -> web.StreamResponse:
    """A step that closes the connection without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()
