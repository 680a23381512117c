"""Sends calls with aiohttp: the only asynchronous module that touches the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from asteroid_cloud.client.aio.sessions import Sessions
from asteroid_cloud.client.errors import AsteroidError, ConnectionFailed, DeadlineExceeded
from asteroid_cloud.client.protocol.calls import Call, Headers, Reply, check, ignored
from asteroid_cloud.client.protocol.retry import BAD_CERTIFICATE, Attempts, ServerMemory
from asteroid_cloud.client.settings import SILENCE_S_MAX, Settings

T = TypeVar("T")


class AsyncTransport:
    """Keep-alive connections to one server, opened when first used; for any number of event loops."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sessions = Sessions(settings)
        self._memory = ServerMemory()

    @property
    def takes_base64(self) -> bool:
        """Whether the server has said that vectors may be base64."""
        return self._memory.takes_base64

    def __reduce__(self) -> tuple[type[AsyncTransport], tuple[Settings]]:
        return AsyncTransport, (self.settings,)

    async def send(self, call: Call[T]) -> T:
        """The result of a call, tried again where that is safe."""
        attempts = Attempts(call, self.settings.policy, self.settings.timeout_s, self._memory)
        while True:
            try:
                reply = await self.exchange(call, attempts)
                self._memory.learn(reply.headers)
                if (in_lists := self._memory.in_lists(call, reply)) is not None:
                    call = in_lists
                    continue
                return call.parse(reply)
            except AsteroidError as error:
                pause_s = attempts.pause_after(error)
                if pause_s is None:
                    raise
            await asyncio.sleep(pause_s)

    async def exchange(self, call: Call[T], attempts: Attempts) -> Reply:
        """One request and its answer."""
        if call.body is None or isinstance(call.body, bytes):
            return await self.request(call, attempts, call.body, {})
        async with call.body.opened() as pieces:
            size = {"Content-Length": str(call.body.size_bytes)}
            return await self.request(call, attempts, pieces, size)

    async def request(
        self,
        call: Call[T],
        attempts: Attempts,
        data: bytes | AsyncIterator[bytes | memoryview] | None,
        size: dict[str, str],
    ) -> Reply:
        """One request with this body and its answer; failures as errors of ours."""
        what = f"{call.method} {self.settings.url}{call.path}"
        try:
            session = await self._sessions.current()
            async with session.request(
                call.method,
                URL(self.settings.url + call.path, encoded=True),
                data=data,
                headers=self.settings.headers | call.headers | size,
                timeout=aiohttp.ClientTimeout(total=attempts.left_s()),
                allow_redirects=False,  # a redirect could carry the key to another host
            ) as response:
                if response.status < 200:
                    response.close()  # what comes next over this connection is not HTTP
                    return Reply(response.status, response.headers, b"")
                return Reply(response.status, response.headers, await response.read())
        except aiohttp.ClientConnectorCertificateError as error:
            raise ConnectionFailed(f"{what}: {error}", code=BAD_CERTIFICATE, sent=False) from error
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"{what}: {error}", sent=False) from error
        except TimeoutError as error:
            raise DeadlineExceeded(f"{what}: no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error.__cause__, AsteroidError):
                raise error.__cause__ from None  # the body failed, not the connection
            raise ConnectionFailed(f"{what}: {error or type(error).__name__}") from error

    async def stream(
        self, call: Call[Any], opened: Callable[[Headers], None] = ignored
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer that may never end; raises DeadlineExceeded when none comes for long.

        ``opened`` gets the headers of a success, and may raise what speaks against it.
        """
        what = f"{call.method} {self.settings.url}{call.path}"
        try:
            session = await self._sessions.current()
            async with session.request(
                call.method,
                URL(self.settings.url + call.path, encoded=True),
                headers=self.settings.headers | call.headers,
                timeout=aiohttp.ClientTimeout(connect=self.settings.timeout_s, sock_read=SILENCE_S_MAX),
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    check(Reply(response.status, response.headers, await response.read()))
                opened(response.headers)
                async for piece in response.content.iter_any():
                    yield piece
        except TimeoutError as error:
            raise DeadlineExceeded(f"{what}: nothing came for {SILENCE_S_MAX} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(f"{what}: {error or type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close all connections; calling it again does nothing."""
        await self._sessions.aclose()
