"""The web framework's exceptions as errors of the API."""

from __future__ import annotations

import os
from collections.abc import Iterable
from traceback import clear_frames

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from asteroid_cloud.api.wire.error_answers import ErrorAnswer, answer_to
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.wal.errors import InvalidRequest, NotFound, TooLarge


class ErrorHandler:
    """Makes answers of exceptions, without the paths of one server's folders."""

    def __init__(self, folders: Iterable[str | None]) -> None:
        given = {folder.rstrip("/") for folder in folders if folder}
        # The longest first, so that of a folder within another nothing is left.
        self._hidden = sorted({*given, *map(os.path.abspath, given)} - {"", "."}, key=len, reverse=True)

    def answer(self, error: BaseException) -> ErrorAnswer:
        """The answer to any exception, the framework's included."""
        answer = answer_to(_translated(error), self._hide)
        clear_frames(error.__traceback__)  # they hold what was gathered, until the next collection of garbage
        return answer

    def handle(self, _: Request[object, object, State], error: Exception) -> Response[bytes]:
        """Litestar's handler for every exception."""
        answer = self.answer(error)
        return Response(answer.body, status_code=answer.status, headers=answer.headers, media_type=JSON)

    def _hide(self, message: str) -> str:
        for folder in self._hidden:
            message = message.replace(f"{folder}/", "").replace(folder, "the folder")
        return message


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
