"""The connections of the asynchronous client: a session for each event loop of each process that uses it."""

from __future__ import annotations

import asyncio
import os
import socket
import warnings
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import aiohttp

from asteroid_cloud.client.errors import AsteroidError, ConnectionFailed, InvalidRequest
from asteroid_cloud.client.inherited import watched
from asteroid_cloud.client.settings import IDLE_S_MAX, Settings

_INHERITED: list[Session] = []
"""Sessions of a parent process: kept, so that nothing of them is closed behind its back."""


class Connector(aiohttp.TCPConnector):
    """A pool of connections to one server that are used again only if nothing odd came over them."""

    def __init__(self, settings: Settings) -> None:
        self.process = os.getpid()
        super().__init__(limit=settings.connections, keepalive_timeout=IDLE_S_MAX, socket_factory=_new_socket)

    async def connect(self, *arguments: Any, **options: Any) -> aiohttp.connector.Connection:
        """A connection; one that holds bytes which no request asked for is closed instead."""
        while True:
            connection = await super().connect(*arguments, **options)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()

    def __del__(self, *arguments: Any) -> None:
        if self.process == os.getpid():
            super().__del__(*arguments)


class Session(NamedTuple):
    """The session of one event loop."""

    loop: asyncio.AbstractEventLoop
    http: aiohttp.ClientSession
    life: AsyncGenerator[None, None]
    """Closes the session when it is closed itself, which an event loop that ends does of its own accord."""


class Sessions:
    """The sessions of one client. Connections belong to the process and the event loop that made them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[tuple[int, asyncio.AbstractEventLoop], Session] = {}
        self._closed = False

    async def current(self) -> aiohttp.ClientSession:
        """The session of the running event loop, made when it is first asked for.

        Raises InvalidRequest ``client_closed``, or ``no_event_loop`` outside of asyncio.
        """
        if self._closed:
            raise InvalidRequest("the client is closed", code="client_closed")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError as error:
            raise InvalidRequest("no event loop of asyncio runs here", code="no_event_loop") from error
        session = self._open.get((os.getpid(), loop))
        if session is None or session.http.closed:
            session = await self._begin(loop)
        return session.http

    async def aclose(self) -> None:
        """Closes all connections; those of event loops in other threads a moment later."""
        self._closed = True
        for (process, loop), session in list(self._open.items()):
            self._open.pop((process, loop), None)
            if process != os.getpid():
                _leave(session)
            elif loop is asyncio.get_running_loop():
                await session.life.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_end(session), loop)

    async def _begin(self, loop: asyncio.AbstractEventLoop) -> Session:
        self._forget()
        http = aiohttp.ClientSession(
            connector=Connector(self._settings),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_sent_once,),
        )
        session = self._open[os.getpid(), loop] = Session(loop, http, _life_of(http))
        await anext(session.life)
        return session

    def _forget(self) -> None:
        """Drops sessions whose event loop has ended, and leaves alone those of a parent process."""
        for key, session in list(self._open.items()):
            process, loop = key
            if process != os.getpid():
                _leave(session)
            if process != os.getpid() or loop.is_closed():
                self._open.pop(key, None)

    def __del__(self) -> None:
        mine = [session for (process, _), session in self._open.items() if process == os.getpid()]
        if any(not session.http.closed for session in mine):
            warnings.warn(f"unclosed client of {self._settings.url}", ResourceWarning, 2, self)
        for session in self._open.values():
            if session not in mine:
                _leave(session)


def _leave(session: Session) -> None:
    """Lets go of a parent's session without a word to its event loop."""
    session.http.detach()
    _INHERITED.append(session)


async def _life_of(http: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await http.close()


async def _end(session: Session) -> None:
    await session.life.aclose()


def _new_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol = address[:3]
    return watched(socket.socket(family, kind, protocol))


async def _sent_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending PUT, DELETE and GET again when the connection breaks: the policy decides."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if isinstance(error.__cause__, AsteroidError):
            raise error.__cause__ from None  # the body failed, not the connection
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(f"{request.method} {request.url}: {reason}") from error
