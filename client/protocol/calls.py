"""One call as data, without any I/O: what to send, how to read the answer, when to send it again.

``routes`` builds a ``Call``, a transport sends it, and ``Call.parse`` turns the ``Reply`` into a
result or one of the errors of ``errors``. Both clients share everything but the sending.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from secrets import token_hex
from time import time
from typing import Generic, Protocol, TypeVar

import msgspec

from asteroid_cloud.client.errors import AsteroidError, Overloaded, UnexpectedAnswer, error_class

T = TypeVar("T")

LSN_HEADER = "X-Asteroid-LSN"
STORE_HEADER = "X-Asteroid-Store"
MIN_LSN_HEADER = "X-Asteroid-Min-LSN"
KEY_HEADER = "Idempotency-Key"
"""Of a write: a key of its own, kept for all its attempts, by which the server tells that they are one."""
REMEMBERS_HEADER = "X-Asteroid-Idempotency"
"""Of an answer: that the server remembers such keys, and for how many seconds."""
VECTORS_HEADER = "X-Asteroid-Vectors"
"""Of an answer: in which forms beside lists of numbers the server takes vectors, separated by commas."""
KEY_BYTES = 16
EXCERPT_CHARS = 200


class Retry(enum.Enum):
    """When a failed call may be sent again."""

    ALWAYS = "it changes nothing"
    UNSENT = "only if the server surely did not act on it, or remembers that it did"
    NEVER = "once only"


def new_key() -> dict[str, str]:
    """The header with a new key."""
    return {KEY_HEADER: token_hex(KEY_BYTES)}


class Headers(Protocol):
    """The headers of an answer, names in any case."""

    def get(self, name: str, /) -> str | None:
        """The value of a header, or None."""
        ...


def ignored(headers: Headers) -> None:
    """Looks at no header of an answer."""


class Body(Protocol):
    """A request body too large to hold: it is produced in pieces while it is sent."""

    @property
    def size_bytes(self) -> int:
        """The exact number of bytes that the pieces add up to."""
        ...

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The pieces, read with blocking calls."""
        ...

    def opened(self) -> AbstractAsyncContextManager[AsyncIterator[bytes | memoryview]]:
        """The pieces, read without blocking the event loop; what they are read from closes at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer as it came."""

    status: int
    headers: Headers
    body: bytes

    @property
    def lsn(self) -> int:
        """The LSN of the header, 0 without one."""
        text = self.headers.get(LSN_HEADER) or ""
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def retry_after_s(self) -> float | None:
        """The Retry-After header in seconds: a number, or the time until a date."""
        text = self.headers.get("Retry-After")
        if text is None:
            return None
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time())
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """What to send and how to read the answer."""

    method: str
    path: str
    parse: Callable[[Reply], T]
    body: bytes | Body | None = None
    headers: dict[str, str] = field(default_factory=dict)
    retry: Retry = Retry.ALWAYS
    timeout_s: float | None = None  # None: the client's own
    patient: bool = False  # retry as often as the time limit allows
    lists: Callable[[], bytes] | None = None
    """The body with vectors as lists of numbers, where ``body`` has them as base64."""


class Failure(msgspec.Struct, frozen=True):
    """The one shape of every error answer; its other fields are the details."""

    error: str = ""
    code: str = ""


def failure(reply: Reply) -> AsteroidError:
    """The error that an answer other than 2xx means."""
    details: dict[str, object] = {}
    problem = Failure()
    try:
        problem = msgspec.json.decode(reply.body, type=Failure)
        details = msgspec.json.decode(reply.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not our server's shape: a proxy's page, most likely. Its beginning is the best explanation.
        problem = Failure(error=reply.body[:EXCERPT_CHARS].decode("utf-8", "replace").strip())
    others = {name: value for name, value in details.items() if name not in ("error", "code")}
    message = problem.error or f"the server answered {reply.status}"
    kind = error_class(reply.status, problem.code)
    if issubclass(kind, Overloaded):
        wait_s = reply.retry_after_s
        return kind(message, code=problem.code, status=reply.status, details=others, retry_after_s=wait_s)
    return kind(message, code=problem.code, status=reply.status, details=others)


def check(reply: Reply) -> None:
    """Raise the error of an answer that is not a success."""
    if not 200 <= reply.status < 300:
        raise failure(reply)


def decode(decoder: msgspec.json.Decoder[T], reply: Reply) -> T:
    """A successful answer's body as its type."""
    check(reply)
    try:
        return decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnexpectedAnswer(
            f"the server answered {reply.status} with a body that does not fit: {error}", status=reply.status
        ) from error
