"""One request and its answer, between the connection and the application (ASGI)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from asteroid_cloud.api.http.connection.answer_bytes import CHUNKED, CLOSE, GO_ON, head_of
from asteroid_cloud.api.http.connection.rules import reads_on
from asteroid_cloud.api.wire.headers import HAS_NEWS
from asteroid_cloud.wal.limits import KIB

logger = logging.getLogger(__name__)
BODILESS = (204, 304)
JOINED_BYTES_MAX = 16 * KIB
"""A piece of the answer up to this size leaves together with the headers: one system call less."""
Message = dict[str, Any]


class Line(Protocol):
    """The connection, as a request sees it."""

    def write(self, data: bytes | memoryview) -> None:
        """Sends."""

    async def writable(self) -> None:
        """Waits until the client has read enough of what was sent."""

    def settle_reading(self) -> None:
        """The body was read: more may come."""

    def answered(self) -> None:
        """The answer is sent as a whole."""

    def abort(self) -> None:
        """Ends the connection at once."""


class Cycle:
    """A request that is under way."""

    def __init__(self, scope: Message, line: Line, *, length: int | None, keeps: bool, awaits: bool) -> None:
        """``length`` of the body, None if it comes in chunks; ``awaits`` 100 Continue; ``keeps`` alive."""
        self.scope = scope
        self.is_whole = False
        """Whether the client has sent all of it."""
        self.has_begun = False
        """Whether a part of the answer is sent."""
        self.is_answered = False
        self.buffered = 0
        """Bytes of the body that the application has not read."""
        self.received = 0
        """Bytes of the body in all."""
        self.keeps = keeps
        """Whether the connection may be used again."""
        self._line = line
        self._length = length
        self._awaits = awaits
        self._pieces: list[bytes] = []
        self._is_gone = False
        self._news = asyncio.Event()
        self._is_bodiless = scope["method"] == "HEAD"
        self._is_chunked = False
        self._left: int | None = None
        """Bytes of the answer that are still to be sent; None for an answer without a length."""
        self._head = b""
        """The headers of an answer whose body comes at once."""
        scope[HAS_NEWS] = self._news.is_set

    async def run(self, app: Any) -> None:
        """Has the application answer it; a connection without a whole answer ends."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            logger.exception("a request failed")
        finally:
            if not (self.is_answered or self._is_gone):
                self._line.abort()

    def took(self, piece: bytes) -> None:
        """A piece of the body has arrived."""
        self.received += len(piece)
        if not self.is_answered:
            self._pieces.append(piece)
            self.buffered += len(piece)
            self._news.set()

    def end_of_body(self) -> None:
        """All of the body has arrived."""
        self.is_whole = True
        self._news.set()

    def is_lost(self) -> None:
        """The connection has ended."""
        self._is_gone = True
        self._news.set()

    async def receive(self) -> Message:
        """The next piece of the body, or that the client is gone or has its answer."""
        if self._awaits and not (self.is_whole or self.received or self.has_begun or self._is_gone):
            self._line.write(GO_ON)
        self._awaits = False
        if not (self._is_gone or self.is_answered):
            self._line.settle_reading()
            await self._news.wait()
            self._news.clear()
        if self._is_gone or self.is_answered:
            return {"type": "http.disconnect"}
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self.buffered = [], 0
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def send(self, message: Message) -> None:
        """Sends a part of the answer; nothing to a client that is gone."""
        await self._line.writable()
        if self._is_gone:
            return
        if self.is_answered:
            raise RuntimeError("the answer was sent already")
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
        else:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        if self.has_begun:
            raise RuntimeError("the answer has begun already")
        given = dict(headers)
        length = given.get(b"content-length")
        self._left = None if length is None else int(length)
        self._is_bodiless = self._is_bodiless or status in BODILESS
        more: list[bytes] = []
        if self._left is None and not self._is_bodiless:
            self._is_chunked = self.scope["http_version"] == "1.1"
            self.keeps = self.keeps and self._is_chunked
            more = [CHUNKED] if self._is_chunked else []
        left = None if self._length is None else self._length - self.received
        is_awaiting = self._awaits and not self.received
        may_go_on = reads_on(is_whole=self.is_whole, is_awaiting_continue=is_awaiting, left=left)
        self.keeps = self.keeps and may_go_on and given.get(b"connection") != b"close"
        if not self.keeps and b"connection" not in given:
            more.append(CLOSE)
        head = head_of(status, headers, *more)
        if self._left is None:
            self._line.write(head)
        else:
            self._head = head
        self.has_begun = True

    def _go_on(self, body: bytes | memoryview, *, more: bool) -> None:
        if not self.has_begun:
            raise RuntimeError("the answer has not begun")
        self._write(b"" if self._is_bodiless else body)
        if self._is_chunked and not more:
            self._line.write(b"0\r\n\r\n")
        if more:
            return
        if self._left and not self._is_bodiless:
            raise RuntimeError("the answer is shorter than its Content-Length")
        self.is_answered = True
        self._pieces, self.buffered = [], 0
        self._news.set()
        self._line.answered()

    def _write(self, body: bytes | memoryview) -> None:
        """Sends a piece of the body, and the headers if they have not left."""
        if self._left is not None:
            if len(body) > self._left and not self._is_bodiless:
                raise RuntimeError("the answer is longer than its Content-Length")
            self._left -= len(body)
        if self._is_chunked and body:
            body = b"".join((b"%x\r\n" % len(body), body, b"\r\n"))
        head, self._head = self._head, b""
        if len(body) > JOINED_BYTES_MAX and head:
            self._line.write(head)
        elif head:
            body = b"".join((head, body))
        if body:
            self._line.write(body)
