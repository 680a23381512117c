"""The web framework's exceptions as errors of the API."""

from __future__ import annotations

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from asteroid_cloud.api.wire.error_answers import ErrorAnswer, answer_to
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.wal.errors import InvalidRequest, NotFound, TooLarge


def answer_to_any(error: BaseException) -> ErrorAnswer:
    """The answer to any exception, the framework's included."""
    return answer_to(_translated(error))


def handle(_: Request[object, object, State], error: Exception) -> Response[bytes]:
    """Litestar's handler for every exception."""
    answer = answer_to_any(error)
    return Response(answer.body, status_code=answer.status, headers=answer.headers, media_type=JSON)


def _translated(error: BaseException) -> BaseException:
    match error:
        case HTTPException(status_code=404 | 405):
            return NotFound("there is no such route")
        case HTTPException(status_code=413):
            return TooLarge("the body is too large")
        case HTTPException(status_code=400):
            if isinstance(error.__cause__, msgspec.MsgspecError | UnicodeDecodeError | RecursionError):
                return error.__cause__
            return InvalidRequest(error.detail)
    return error
