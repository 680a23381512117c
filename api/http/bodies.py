"""Request bodies: how large they may be, and how long a client may take over them."""

from __future__ import annotations

import time
from collections.abc import Mapping

import anyio
from litestar.types import HTTPReceiveMessage, Receive, Scope, WebSocketReceiveMessage

from asteroid_cloud.api.limits import BODY_BYTES_MAX, BODY_BYTES_PER_S_MIN
from asteroid_cloud.api.routes.table import ROUTES
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

BYTES_MAX_BY_PATH = {
    route.path: route.body_bytes_max for route in ROUTES if route.body_bytes_max != BODY_BYTES_MAX
}
"""The paths with another limit than BODY_BYTES_MAX; none of them has a parameter."""
STREAMED_PATHS = {route.path for route in ROUTES if route.is_streamed}
LENGTH_DIGITS_MAX = 18
UNREAD_BYTES_MAX = 65_536
UNREAD_S_MAX = 1.0


class Body:
    """The body of one request, while it arrives."""

    def __init__(self, scope: Scope, receive: Receive, lag_s_max: float) -> None:
        self._receive = receive
        self._path = scope["path"]
        self._declared = declared_bytes(dict(scope["headers"]))
        self._left = self._bytes_max = BYTES_MAX_BY_PATH.get(self._path, BODY_BYTES_MAX)
        self._lag_s_max = self._lag_s_left = lag_s_max
        self._is_whole = self._declared == 0
        self._is_cut = False

    @property
    def held_bytes(self) -> int:
        """The memory that it may take; the body of a bulk load is written to the disk as it arrives."""
        if self._path in STREAMED_PATHS:
            return 0
        return self._bytes_max if self._declared is None else min(self._declared, self._bytes_max)

    def check_declared(self) -> None:
        """Refuses a body that is too large by its header, before any of it is read."""
        if self._declared is not None and self._declared > self._bytes_max:
            raise self._too_large()

    async def receive(self) -> HTTPReceiveMessage:
        """The next piece; counts the bytes and bounds the time.

        A body may fall behind the least rate by ``lag_s_max`` in all, so a byte now and then does not keep a
        request alive. Time that the server itself spends does not count.
        """
        if self._is_whole:
            return await self._receive()  # type: ignore[return-value]  # waits for the client to go away
        asked_s = time.monotonic()
        message: HTTPReceiveMessage | WebSocketReceiveMessage | None = None
        if self._lag_s_left > 0:
            with anyio.move_on_after(self._lag_s_left):
                message = await self._receive()
        if message is None:
            self._is_cut = True
            raise InvalidRequest("the body comes too slowly", code="body_timeout")
        if message["type"] != "http.request":
            self._is_cut = True
            raise InvalidRequest("the client went away before its body was whole")
        size = len(message["body"])
        lag_s = self._lag_s_left - (time.monotonic() - asked_s) + size / BODY_BYTES_PER_S_MIN
        self._lag_s_left = min(self._lag_s_max, lag_s)
        self._left -= size
        if self._left < 0:
            self._is_cut = True
            raise self._too_large()
        self._is_whole = not message["more_body"]
        return message

    async def finish(self) -> bool:
        """Reads the rest of a body; False when it is too long, and the connection must end.

        A client that is still sending when the connection ends may not see the answer. But the time is
        bounded, because a client that never ends its request would keep the connection.
        """
        is_short = self._declared is not None and self._declared <= UNREAD_BYTES_MAX
        if self._is_whole or self._is_cut or not is_short:
            return self._is_whole
        with anyio.move_on_after(UNREAD_S_MAX):
            while not self._is_whole:
                message = await self._receive()
                if message["type"] != "http.request":
                    break
                self._is_whole = not message["more_body"]
        return self._is_whole

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a body for {self._path} may have {self._bytes_max:,} bytes at the most", limit=self._bytes_max
        )


def declared_bytes(headers: Mapping[bytes, bytes]) -> int | None:
    """The length of the body by its headers; None for a body that is sent in chunks."""
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    if not (length.isdigit() and len(length) <= LENGTH_DIGITS_MAX):
        raise InvalidRequest("Content-Length must be a whole number")
    return int(length)
