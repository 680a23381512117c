"""Every error that the client raises on purpose, and which answer becomes which error.

    AsteroidError                     message, code, details, status
    ├── InvalidRequest                400, or found before sending; also a ValueError
    ├── Unauthorized                  401: no key, or a wrong one
    │   └── Forbidden                 403: a key that is not for this
    ├── NotFound                      404: no such id or route; 410: not there any more
    ├── Conflict                      409: no index yet, one already, not empty; 412: condition not met
    │   └── OtherHistory              409: a position that the store left when it went back in time
    ├── TooLarge                      413: a body or batch over its limit
    ├── Overloaded                    try again later; retry_after_s when the server said when
    │   ├── RateLimited               429
    │   └── Unavailable               503: not ready, not caught up, back-pressure
    ├── ServerError                   the server is at fault
    │   ├── StorageError              its disk: full, damaged, or no longer trusted
    │   └── InternalError             any other 5xx
    ├── ConnectionFailed              no answer came; ``sent`` says whether the request may have arrived
    │   └── DeadlineExceeded          none came in time
    └── UnexpectedAnswer              an answer that the wire contract does not know

``code`` is stable and made for branching; ``message`` is made for people; ``details`` holds the
other fields of the server's answer (``index``, ``inserted``, ``failed_index``, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class AsteroidError(Exception):
    """Base of the tree; catching it catches every failure of a call."""

    default_code: ClassVar[str] = "unknown"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.status = status
        self.details = dict(details or {})


class InvalidRequest(AsteroidError, ValueError):
    """The arguments are wrong; ``code`` names which (``bad_vector``, ``bad_filter``, …)."""

    default_code = "bad_request"


class Unauthorized(AsteroidError):
    """The API key is missing or unknown to the server."""

    default_code = "unauthorized"


class Forbidden(Unauthorized):
    """The server knows the key, but its role or its collections do not allow this call."""

    default_code = "forbidden"


class NotFound(AsteroidError):
    """There is no vector of that id."""

    default_code = "not_found"


class Conflict(AsteroidError):
    """The index is in a state that forbids the call (``index_not_initialized``, …)."""

    default_code = "conflict"


class OtherHistory(Conflict):
    """The position (``since``, ``if_match``, ``min_lsn``, a cursor) is of a history that the store has left.

    The store was taken back in time: its records after ``branched_at`` are gone, and it went on with record
    ``began_at``. Whoever has copied rows from it has to drop what came after ``branched_at``, or to read all
    of it again. Both are 0 when another store answers than before.
    """

    default_code = "other_history"

    @property
    def branched_at(self) -> int:
        """The last record that is still valid."""
        return _number(self.details.get("branched_at"))

    @property
    def began_at(self) -> int:
        """The first record of the present history."""
        return _number(self.details.get("began_at"))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


class TooLarge(AsteroidError):
    """The body or batch is over the server's limit."""

    default_code = "payload_too_large"


class Overloaded(AsteroidError):
    """The same call may succeed later; ``retry_after_s`` is the server's own advice, if it gave any.

    ``is_told``: the answer itself had the code. An answer without one is a proxy's, which may have passed the
    call on before it gave up.
    """

    default_code = "overloaded"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        details: Mapping[str, object] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status, details=details)
        self.is_told = bool(code)
        self.retry_after_s = retry_after_s


class RateLimited(Overloaded):
    """This key sends more requests than the server allows it."""

    default_code = "rate_limited"


class Unavailable(Overloaded):
    """The server cannot answer now: it is starting, behind the asked LSN, or overloaded."""

    default_code = "unavailable"


class ServerError(AsteroidError):
    """The server failed; the call was right."""

    default_code = "internal"


class StorageError(ServerError):
    """The server's disk is full, damaged or no longer trusted; it needs its operator."""

    default_code = "storage_error"


class InternalError(ServerError):
    """A fault of the server itself; ``details`` may carry the request id to report."""


class ConnectionFailed(AsteroidError):
    """No answer came. ``sent`` is false only when the request surely never arrived."""

    default_code = "connection_failed"

    def __init__(self, message: str, *, code: str | None = None, sent: bool = True) -> None:
        super().__init__(message, code=code)
        self.sent = sent


class DeadlineExceeded(ConnectionFailed):
    """The time limit of the call passed before an answer came."""

    default_code = "deadline_exceeded"


class UnexpectedAnswer(AsteroidError):
    """The answer is not one of this API: another server, a proxy, or a newer contract."""

    default_code = "unexpected_answer"


STORAGE_CODES = frozenset(
    {
        "storage_error",
        "corruption",
        "degraded",
        "poisoned",
        "no_space",
        "lock_held",
        "log_pruned",
        "unsupported_version",
    }
)
BY_STATUS: dict[int, type[AsteroidError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: TooLarge,
    429: RateLimited,
    503: Unavailable,
    507: StorageError,
}


def error_class(status: int, code: str | None) -> type[AsteroidError]:
    """Which class an answer becomes; a storage code wins, as waiting does not repair a disk."""
    if code in STORAGE_CODES:
        return StorageError
    if code == OtherHistory.default_code:
        return OtherHistory
    if code == Forbidden.default_code:
        return Forbidden
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status >= 500:
        return InternalError
    return InvalidRequest if 400 <= status < 500 else UnexpectedAnswer
