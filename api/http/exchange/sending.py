"""How an answer leaves: counted, in pieces, with its headers, and cut off when nobody reads it."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
from litestar.types import HTTPScope, Message, Send

from asteroid_cloud.api.http.bodies import Body
from asteroid_cloud.api.limits import ANSWER_BYTES_PER_S_MIN, ANSWER_PIECE_BYTES
from asteroid_cloud.api.service.memory.answers import AnswerRoom
from asteroid_cloud.api.wire.headers import (
    COLLECTION_HEADER,
    CUT,
    REMEMBERS_HEADER,
    STORE_HEADER,
    VECTOR_FORMS,
    VECTORS_HEADER,
    WAITS,
)
from asteroid_cloud.api.wire.request_ids import REQUEST_ID_NAME
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.limits import KIB

STORE_NAME = STORE_HEADER.lower().encode()
COLLECTION_NAME = COLLECTION_HEADER.lower().encode()
REMEMBERS_NAME = REMEMBERS_HEADER.lower().encode()
VECTORS_TOLD = VECTORS_HEADER.lower().encode(), VECTOR_FORMS.encode()
UNCOUNTED_BYTES = 64 * KIB
"""An answer up to this size is always sent: errors too must find room."""


class SlowReader(Exception):
    """The client has not read its answer in time; nothing more can be said to it."""


class Sender:
    """The ``send`` of one request."""

    def __init__(
        self, scope: HTTPScope, send: Send, room: AnswerRoom, *, request_id: str, stall_s_max: float
    ) -> None:
        self.status = 0
        """Of the answer; 0 while nothing was sent."""
        self.sent = 0
        """Bytes of the body."""
        self.refusal: AsteroidError | None = None
        """Why an answer was not begun that a route had made: no memory for it, or it is too large."""
        self.body: Body | None = None
        """The request's body; None while it is not known whether any of it may come."""
        self.is_last = True
        """Whether the connection ends with this answer: until it is known that the client may come in."""
        self.store: str | None = None
        """Names the store that answers; set before the answer, when there is one."""
        self.collection: str | None = None
        """The collection that answers; set when the request asked for an alias of it."""
        self.remembers_s = 0
        """For how long writes with a key are remembered; set as the name is."""
        self.is_whole = False
        self._is_head = scope["method"] == "HEAD"
        self._cut: Callable[[], None] = scope.get(CUT, lambda: None)  # type: ignore[assignment]
        self._waits: Callable[[], bool] = scope.get(WAITS, lambda: True)  # type: ignore[assignment]
        self._send = send
        self._room = room
        self._request_id = request_id
        self._lag_s_max = self._lag_s_left = stall_s_max
        self._is_feed = False
        """Whether the answer has no end that is known; a feed watches its reader itself."""

    async def __call__(self, message: Message) -> None:
        """Sends one message; raises SlowReader, TooLarge ``answer_too_large``, Overloaded."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body":
            await self._go_on(message)

    def finish(self) -> None:
        """Ends what the answer holds, and the connection if the answer was not sent whole."""
        self._room.release()
        if self.status and not self.is_whole:
            self._cut()

    async def _begin(self, message: Message) -> None:
        assert message["type"] == "http.response.start"
        try:
            length = dict(message["headers"]).get(b"content-length")
            self._is_feed = length is None
            size = int(length or b"0")
            self._room.check(size)
            if size > UNCOUNTED_BYTES:
                self._room.hold(size)
            else:
                self._room.release()
        except AsteroidError as error:
            self.refusal = error
            raise
        added = [(REQUEST_ID_NAME, self._request_id.encode())]
        if self.store is not None:
            added.append((STORE_NAME, self.store.encode()))
            added.append(VECTORS_TOLD)
        if self.collection is not None:
            added.append((COLLECTION_NAME, self.collection.encode()))
        if self.remembers_s:
            added.append((REMEMBERS_NAME, b"%d" % self.remembers_s))
        if self.is_last or (self.body is not None and self.body.is_cut):
            added.append((b"connection", b"close"))
        self.status = message["status"]
        await self._in_time({**message, "headers": [*message["headers"], *added]})

    async def _go_on(self, message: Message) -> None:
        assert message["type"] == "http.response.body"
        body, more = b"" if self._is_head else message["body"], message["more_body"]
        pieces = [body] if self._is_feed or len(body) <= ANSWER_PIECE_BYTES else _pieces(body)
        for number, piece in enumerate(pieces, 1):
            is_last = number == len(pieces) and not more
            await self._in_time({"type": "http.response.body", "body": piece, "more_body": not is_last})
            self.sent += len(piece)
            if self._room.held:
                self._room.give_back(len(piece))
        self.is_whole = not more

    async def _in_time(self, message: Message) -> None:
        """Hands a message to the connection, which takes it once enough of what came before is read.

        A reader may fall behind the least rate by ``stall_s_max`` in all.
        """
        if self._is_feed:
            await self._send(message)
            return
        if self._waits():
            waited_s = await self._waited_s(message)
        else:
            waited_s = 0.0
            await self._send(message)
        size = len(message["body"]) if message["type"] == "http.response.body" else 0
        lag_s = self._lag_s_left - waited_s + size / ANSWER_BYTES_PER_S_MIN
        self._lag_s_left = max(0.0, min(self._lag_s_max, lag_s))

    async def _waited_s(self, message: Message) -> float:
        """Hands a message over; how long that took."""
        asked_s = time.monotonic()
        with anyio.move_on_after(self._lag_s_left) as scope:
            await self._send(message)
        if scope.cancelled_caught:
            raise SlowReader
        return time.monotonic() - asked_s


def _pieces(body: bytes) -> list[bytes]:
    """A large body in pieces; views, so that nothing is copied."""
    view = memoryview(body)
    starts = range(0, len(body), ANSWER_PIECE_BYTES)
    # The server takes any buffer.
    return [view[start : start + ANSWER_PIECE_BYTES] for start in starts]  # type: ignore[misc]
