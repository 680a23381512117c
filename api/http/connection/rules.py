"""What a connection may send, how long it may take, and whether anything of it is read after an answer.

Every such decision is here; ``protocol`` carries them out. Two clocks run elsewhere because they count bytes:
``bodies`` bounds how slowly a body may come, ``exchange.sending`` how slowly an answer may be taken.
"""

from __future__ import annotations

from enum import Enum, auto

from asteroid_cloud.api.limits import (
    FRAMING_BYTES_MAX,
    HEADERS_BYTES_MAX,
    HEADERS_MAX,
    HEADERS_S_MAX,
    IDLE_S_MAX,
    LINGER_S_MAX,
    STOPPING_BODY_S_MAX,
    UNREAD_BYTES_MAX,
    UNREAD_S_MAX,
)
from asteroid_cloud.wal.errors import InvalidRequest


class Phase(Enum):
    """What a connection is waiting for."""

    OPENING = auto()
    """Its first request."""
    HEAD = auto()
    """The rest of the headers of a later request."""
    SERVING = auto()
    """The answer to the request that is under way."""
    DISCARDING = auto()
    """The rest of a short body that nobody reads any more; the answer is sent."""
    IDLE = auto()
    """One more request."""
    ENDING = auto()
    """The client, to hang up: what it still sends is thrown away."""
    STOPPING = auto()
    """The same, of a server that stops."""


SECONDS_MAX = {
    Phase.OPENING: HEADERS_S_MAX,
    Phase.HEAD: HEADERS_S_MAX,
    Phase.DISCARDING: UNREAD_S_MAX,
    Phase.IDLE: IDLE_S_MAX,
    Phase.ENDING: LINGER_S_MAX,
    Phase.STOPPING: STOPPING_BODY_S_MAX,
}
"""How long each phase may take, whatever arrives meanwhile; SERVING has the clocks of body and answer."""


class Received:
    """Counts what arrives beside bodies: headers, chunk sizes and extensions, trailers, empty lines."""

    __slots__ = ("_body", "_framing", "_head", "_headers", "_headers_bytes", "_since_body")

    def __init__(self) -> None:
        self._head = self._headers = self._headers_bytes = 0
        self._body = self._framing = self._since_body = 0

    def expect_head(self) -> None:
        """A request is over; the next may come."""
        self._head = self._headers = self._headers_bytes = 0

    def expect_body(self) -> None:
        """The headers are over."""
        self._body = self._framing = self._since_body = 0

    def took_head(self, size: int) -> None:
        """So many bytes came while headers were awaited; they may hold the end of these, and more."""
        self._head += size

    def check_head(self) -> None:
        """The headers are not whole yet; raises InvalidRequest ``headers_too_large``."""
        if self._head > HEADERS_BYTES_MAX:
            raise _too_many_headers()

    def took_header(self, size: int, is_trailer: bool) -> None:
        """One more header or trailer; raises InvalidRequest, ``headers_too_large`` for a header."""
        self._headers += 1
        self._headers_bytes += size
        if self._headers > HEADERS_MAX or self._headers_bytes > HEADERS_BYTES_MAX:
            raise _too_much_framing() if is_trailer else _too_many_headers()

    def took_body(self, size: int, plain: int) -> None:
        """So many bytes came, and so many of them were of the body; raises InvalidRequest.

        Chunks of a byte or two cost much time, and an extension or trailer without end much memory.
        """
        self._body += plain
        self._framing += size - plain
        self._since_body = 0 if plain else self._since_body + size
        if self._framing > FRAMING_BYTES_MAX + self._body or self._since_body > FRAMING_BYTES_MAX:
            raise _too_much_framing()


def _too_much_framing() -> InvalidRequest:
    return InvalidRequest("the chunks of the body are mostly sizes, extensions or trailers")


def _too_many_headers() -> InvalidRequest:
    return InvalidRequest(
        f"the headers have more than {HEADERS_BYTES_MAX} bytes, or are more than {HEADERS_MAX}",
        code="headers_too_large",
    )


def reads_on(*, is_whole: bool, is_awaiting_continue: bool, left: int | None) -> bool:
    """Whether a connection may be used again when a request is answered; ``left`` is of its body, if known.

    What was answered before it was whole is read to its end only if that is near. A client that waits for
    ``100 Continue`` may send the body now or not: what comes next could be either.
    """
    if is_whole:
        return True
    return not is_awaiting_continue and left is not None and left <= UNREAD_BYTES_MAX
