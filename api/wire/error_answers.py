"""The answer to an error: one shape for all, with the status that ``error_codes`` gives it.

{"error": "<one clear sentence>", "code": "<snake_case>", …details}
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from asteroid_cloud.api.wire.error_codes import ERROR_CODES, status_of
from asteroid_cloud.api.wire.request_ids import current_request_id, new_request_id
from asteroid_cloud.wal.errors import (
    AsteroidError,
    CorruptionError,
    InvalidRequest,
    Overloaded,
    StorageError,
    Unauthorized,
)

logger = logging.getLogger(__name__)
Hide = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as it is sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def answer_to(error: BaseException, hide: Hide = str) -> ErrorAnswer:
    """The answer to any exception. A bug is logged here, and the answer has only its request id.

    What is wrong with the disk is logged with its path; the answer has the reason. ``hide`` takes paths of
    the server out of any other message.
    """
    known = _known(error)
    if known is None:
        request_id = current_request_id() or new_request_id()
        logger.error("request %s failed", request_id, exc_info=error)
        body: dict[str, object] = {
            "error": "an internal error; the server's log has more",
            "code": "internal",
            "request_id": request_id,
        }
        return ErrorAnswer(500, msgspec.json.encode(body))
    if isinstance(known, StorageError):
        logger.error("%s: %s", known.code, known.message)
    headers: dict[str, str] = {}
    if isinstance(known, Overloaded):
        headers["Retry-After"] = str(max(1, round(known.retry_after_s)))
    if isinstance(known, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    body = {"error": hide(_message(known)), "code": known.code} | known.details
    return ErrorAnswer(status_of(known), msgspec.json.encode(body), headers)


def _message(error: AsteroidError) -> str:
    """What a client is told: of a place on the disk only what the code means, and the system's reason."""
    if not isinstance(error, StorageError) or ("/" not in error.message and error.code != "corruption"):
        return error.message
    if isinstance(error, CorruptionError):
        return "the store's files are damaged"
    meaning = ERROR_CODES[error.code].meaning if error.code in ERROR_CODES else error.code
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__
    reason = getattr(found, "strerror", None)
    return meaning[0].lower() + meaning[1:].rstrip(".") + (f": {reason}" if reason else "")


def _known(error: BaseException) -> AsteroidError | None:
    """The exception as one of ours; None for a bug."""
    match error:
        case AsteroidError():
            return error
        case msgspec.ValidationError():
            return InvalidRequest(str(error), code=_validation_code(str(error)))
        case msgspec.DecodeError() | UnicodeDecodeError():
            return InvalidRequest(f"the body is not JSON: {error}", code="bad_json")
        case RecursionError():
            return InvalidRequest("the body is nested too deeply", code="bad_json")
    return None


def _validation_code(message: str) -> str:
    if "unknown field" in message:
        return "unknown_field"
    return "missing_field" if "missing required field" in message else "bad_request"
