"""Request bodies: how large they may be, and how long a client may take over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import anyio
from litestar.types import HTTPReceiveMessage, Receive, Scope, WebSocketReceiveMessage

from asteroid_cloud.api.http.exchange.body_encoding import decoder_of
from asteroid_cloud.api.limits import BODY_BYTES_PER_S_MIN, STOPPING_BODY_S_MAX
from asteroid_cloud.api.routing.route import Route
from asteroid_cloud.api.wire.headers import HAS_NEWS
from asteroid_cloud.wal.errors import InvalidRequest, Overloaded, TooLarge

LENGTH_DIGITS_MAX = 18


class Body:
    """The body of one request, while it arrives."""

    def __init__(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        route: Route,
        lag_s_max: float,
    ) -> None:
        """``headers`` are those of ``scope``, by name."""
        self._receive = receive
        self._has_news: Callable[[], bool] = scope.get(HAS_NEWS, lambda: False)  # type: ignore[assignment]
        self._route = route
        self.declared = declared_bytes(headers)
        """Its length by its headers; None for a body that is sent in chunks."""
        self._decoder = decoder_of(headers)
        self._plain: Iterator[bytes] = iter(())
        """What the last piece of an encoded body still gives."""
        self._left = self._bytes_max = route.body_bytes_max
        """Bytes that may still come, as they are after decoding."""
        self._encoded_left = self._bytes_max
        self._lag_s_max = self._lag_s_left = lag_s_max
        self._waiting: anyio.CancelScope | None = None
        """Runs while the next piece is awaited."""
        self._is_stopping = False
        self._is_whole = self.declared == 0
        self.is_cut = False
        """Whether its rest can never be read."""

    @property
    def held_bytes(self) -> int:
        """The memory that it may take; the body of a bulk load is written to the disk as it arrives."""
        if self._route.is_streamed:
            return 0
        if self.declared is None or self._decoder is not None:
            return self._bytes_max
        return min(self.declared, self._bytes_max)

    @property
    def received(self) -> int:
        """Bytes that have come, as they are after decoding."""
        return self._bytes_max - self._left

    @property
    def is_encoded(self) -> bool:
        """Whether what ``receive`` gives is not what was sent, so that the headers of length do not hold."""
        return self._decoder is not None

    def stop_waiting(self) -> None:
        """The server is stopping: what does not arrive soon is not waited for."""
        self._is_stopping = True
        self._lag_s_max = min(self._lag_s_max, STOPPING_BODY_S_MAX)
        self._lag_s_left = min(self._lag_s_left, self._lag_s_max)
        if self._waiting is not None:
            self._waiting.deadline = min(self._waiting.deadline, anyio.current_time() + self._lag_s_max)

    def check_declared(self) -> None:
        """Refuses a body that is too large by its header, before any of it is read."""
        if self.declared is not None and self.declared > self._bytes_max:
            raise self._too_large()

    async def receive(self) -> HTTPReceiveMessage:
        """The next piece, decoded; counts the bytes and bounds the time.

        A body may fall behind the least rate by ``lag_s_max`` in all, so a byte now and then does not keep a
        request alive. Time that the server itself spends does not count.
        """
        if self._decoder is None:
            return await self._arriving()
        while True:
            piece = next(self._plain, None)
            if piece is not None:
                self._count(piece)
                return {"type": "http.request", "body": piece, "more_body": True}
            if self._is_whole:
                self._decoder.finish()
                self._decoder = None
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._arriving()
            assert message["type"] == "http.request", "anything else is an error until the body is whole"
            self._plain = self._decoder.steps(message["body"])

    async def _arriving(self) -> HTTPReceiveMessage:
        """The next piece as it was sent."""
        if self._is_whole:
            return await self._receive()  # type: ignore[return-value]  # waits for the client to go away
        asked_s = time.monotonic()
        message: HTTPReceiveMessage | WebSocketReceiveMessage | None = None
        if self._has_news():
            message = await self._receive()
        elif self._lag_s_left > 0:
            with anyio.move_on_after(self._lag_s_left) as self._waiting:
                message = await self._receive()
            self._waiting = None
        if message is None:
            self.is_cut = True
            if self._is_stopping:
                raise Overloaded("the server is stopping", retry_after_s=1.0)
            raise InvalidRequest("the body comes too slowly", code="body_timeout")
        if message["type"] != "http.request":
            self.is_cut = True
            raise InvalidRequest("the client went away before its body was whole")
        size = len(message["body"])
        lag_s = self._lag_s_left - (time.monotonic() - asked_s) + size / BODY_BYTES_PER_S_MIN
        self._lag_s_left = min(self._lag_s_max, lag_s)
        if self._decoder is None:
            self._count(message["body"])
        else:
            self._encoded_left -= size
            self._check_left(self._encoded_left)
        self._is_whole = not message["more_body"]
        return message

    def _count(self, piece: bytes) -> None:
        self._left -= len(piece)
        self._check_left(self._left)

    def _check_left(self, left: int) -> None:
        if left < 0:
            self.is_cut = True
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a body for {self._route.path} may have {self._bytes_max:,} bytes at the most",
            limit=self._bytes_max,
        )


def declared_bytes(headers: Mapping[bytes, bytes]) -> int | None:
    """The length of the body by its headers; None for a body that is sent in chunks."""
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    if not (length.isdigit() and len(length) <= LENGTH_DIGITS_MAX):
        raise InvalidRequest("Content-Length must be a whole number")
    return int(length)
