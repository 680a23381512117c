"""Errors on the wire: the one table from code to HTTP status, and the one shape of an answer.

{"error": "<one clear sentence>", "code": "<snake_case>", …details}
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from asteroid_cloud.wal.errors import (
    AsteroidError,
    Conflict,
    CorruptionError,
    InvalidRequest,
    NotFound,
    Overloaded,
    StorageError,
    TooLarge,
    Unauthorized,
)

logger = logging.getLogger(__name__)

STATUS_BY_CODE = {
    "bad_request": 400,
    "bad_json": 400,
    "bad_id": 400,
    "bad_vector": 400,
    "wrong_dim": 400,
    "bad_dim": 400,
    "bad_metric": 400,
    "bad_bits": 400,
    "bad_payload": 400,
    "bad_item": 400,
    "bad_filter": 400,
    "bad_field": 400,
    "bad_backup_name": 400,
    "bad_tag_name": 400,
    "bad_since": 400,
    "bad_follow": 400,
    "bad_heartbeat": 400,
    "bad_if_match": 400,
    "bad_k": 400,
    "bad_exact": 400,
    "bad_explain": 400,
    "bad_ef_search": 400,
    "bad_offset": 400,
    "bad_limit": 400,
    "bad_cursor": 400,
    "bad_max_distance": 400,
    "bad_min_lsn": 400,
    "bad_include": 400,
    "bad_threads": 400,
    "empty_batch": 400,
    "missing_field": 400,
    "unknown_field": 400,
    "unauthorized": 401,
    "not_found": 404,
    "no_backup": 404,
    "no_tag": 404,
    "body_timeout": 408,
    "headers_timeout": 408,
    "conflict": 409,
    "index_not_initialized": 409,
    "index_already_initialized": 409,
    "index_not_empty": 409,
    "index_differs": 409,
    "backup_not_configured": 409,
    "backup_running": 409,
    "backup_exists": 409,
    "tag_exists": 409,
    "too_many_tags": 409,
    "purge_running": 409,
    "purge_blocked": 409,
    "backup_of_another_store": 409,
    "not_empty": 409,
    "lsn_mismatch": 409,
    "fenced": 409,
    "changes_pruned": 410,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "batch_too_large": 413,
    "too_many_values": 413,
    "rate_limited": 429,
    "headers_too_large": 431,
    "internal": 500,
    "corruption": 500,
    "storage_error": 500,
    "log_pruned": 500,
    "unsupported_version": 500,
    "degraded": 503,
    "lock_held": 503,
    "not_caught_up": 503,
    "not_ready": 503,
    "overloaded": 503,
    "too_many_feeds": 503,
    "poisoned": 503,
    "no_space": 507,
}
STATUS_BY_KIND: tuple[tuple[type[AsteroidError], int], ...] = (
    (InvalidRequest, 400),
    (Unauthorized, 401),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (Overloaded, 503),
)
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as it goes out."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def status_of(error: AsteroidError) -> int:
    """The status of an error: its code's, or its kind's for a code that the table does not have."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return next((status for kind, status in STATUS_BY_KIND if isinstance(error, kind)), 500)


def answer_to(error: BaseException) -> ErrorAnswer:
    """The answer to any exception; a bug of ours is logged here and named by a request id only."""
    known = _known(error)
    if known is None:
        request_id = secrets.token_hex(8)
        logger.error("request %s failed", request_id, exc_info=error)
        said = {"error": "an internal error; the server's log has more", "code": "internal"}
        return ErrorAnswer(500, msgspec.json.encode(said | {"request_id": request_id}))
    if isinstance(known, StorageError):
        logger.error("%s: %s", known.code, known.message)
    headers: dict[str, str] = {}
    if isinstance(known, Overloaded):
        headers["Retry-After"] = str(max(1, round(known.retry_after_s)))
    if isinstance(known, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    message = "the store's files are damaged" if isinstance(known, CorruptionError) else known.message
    body: dict[str, object] = {"error": message, "code": known.code} | known.details
    return ErrorAnswer(status_of(known), msgspec.json.encode(body), headers)


def _known(error: BaseException) -> AsteroidError | None:
    """What the exception means in our own terms; None for a bug."""
    match error:
        case AsteroidError():
            return error
        case msgspec.ValidationError():
            return InvalidRequest(str(error), code=_validation_code(str(error)))
        case msgspec.DecodeError() | UnicodeDecodeError():
            return InvalidRequest(f"the body is not JSON: {error}", code="bad_json")
        case RecursionError():
            return InvalidRequest("the body is nested too deeply", code="bad_json")
        case HTTPException(status_code=404 | 405):
            return NotFound("there is no such route")
        case HTTPException(status_code=413):
            return TooLarge("the body is too large")
        case HTTPException(status_code=400):
            if isinstance(error.__cause__, msgspec.MsgspecError | UnicodeDecodeError | RecursionError):
                return _known(error.__cause__)
            return InvalidRequest(error.detail)
    return None


def _validation_code(message: str) -> str:
    if "unknown field" in message:
        return "unknown_field"
    return "missing_field" if "missing required field" in message else "bad_request"


def handle(_: Request[object, object, State], error: Exception) -> Response[bytes]:
    """Litestar's handler for every exception."""
    answer = answer_to(error)
    return Response(answer.body, status_code=answer.status, headers=answer.headers, media_type=JSON)
