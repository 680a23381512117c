"""Every error that the server side of Asteroid raises on purpose.

    AsteroidError                     code, message, details
    ├── InvalidRequest                the input is wrong; names the field and the limit
    ├── Unauthorized                  no key, or a wrong one
    ├── Forbidden                     the key is valid, and not for this
    ├── NotFound                      no such id, route or file
    ├── Conflict                      the state forbids it: no index, a second index, not empty
    ├── TooLarge                      a body, batch or value over its limit
    ├── Overloaded                    try again later: rate, back-pressure, not caught up, not ready
    │   └── TooCostly                 a read beyond its budget of work or time
    ├── Cancelled                     nobody waits for the answer any more
    └── StorageError                  the disk or what is on it
        ├── CorruptionError           damage found: path, offset, reason
        ├── Poisoned                  an fsync failed; no write is accepted until a restart
        ├── NoSpace                   the disk is full; nothing was written
        ├── LockHeld                  another process has this data directory open
        ├── LogPruned                 the log no longer reaches back that far
        └── UnsupportedVersion        written by a newer program; left unchanged

Codes are stable: a client may branch on them. ``api/wire/error_codes`` has the one table from code to HTTP
status. This tree is in the lowest layer, so that every layer above may raise from it.
"""

from __future__ import annotations


class AsteroidError(Exception):
    """Base of the tree: a clear sentence, a stable ``code`` and extra fields for the caller."""

    default_code = "internal"

    def __init__(self, message: str, *, code: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details


class InvalidRequest(AsteroidError):
    """The input is wrong; ``code`` says which part (``bad_vector``, ``bad_filter``, …)."""

    default_code = "bad_request"


class Unauthorized(AsteroidError):
    """The bearer key is missing or unknown."""

    default_code = "unauthorized"


class Forbidden(AsteroidError):
    """The key is known, but its role or its collections do not allow this."""

    default_code = "forbidden"


class NotFound(AsteroidError):
    """There is no such id or route."""

    default_code = "not_found"


class Conflict(AsteroidError):
    """The store's state forbids the call, for example no index has been created yet."""

    default_code = "conflict"


class TooLarge(AsteroidError):
    """A body, batch or value is over its limit."""

    default_code = "payload_too_large"


class Overloaded(AsteroidError):
    """The call may succeed later; ``retry_after_s`` says when to try."""

    default_code = "overloaded"

    def __init__(
        self, message: str, *, code: str | None = None, retry_after_s: float = 1.0, **details: object
    ) -> None:
        super().__init__(message, code=code, **details)
        self.retry_after_s = retry_after_s


class TooCostly(Overloaded):
    """A read takes more work, or longer, than one may; ``limit_s`` says how much in seconds.

    To ask for the same again does not help.
    """

    default_code = "too_costly"


class Cancelled(AsteroidError):
    """A read was ended because nobody waits for it any more; only its own code sees this."""

    default_code = "cancelled"


class StorageError(AsteroidError):
    """The disk, or what is on it, is at fault."""

    default_code = "storage_error"


class CorruptionError(StorageError):
    """A file has bytes that this program did not write, or lacks some that it wrote."""

    default_code = "corruption"

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}, byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class Poisoned(StorageError):
    """An fsync failed. What is durable is unknown, so no write is accepted until a restart."""

    default_code = "poisoned"


class NoSpace(StorageError):
    """The disk is full. The write was undone, and nothing of it is stored."""

    default_code = "no_space"


class LockHeld(StorageError):
    """Another process has the data directory open."""

    default_code = "lock_held"


class LogPruned(StorageError):
    """The log was trimmed and no longer has the record that is asked for."""

    default_code = "log_pruned"


class UnsupportedVersion(StorageError):
    """The file was written in a newer version of the format; it is left unchanged."""

    default_code = "unsupported_version"
