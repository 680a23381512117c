"""What the framework raises becomes an answer of the one shape."""

from __future__ import annotations

import json

import msgspec
import pytest
from litestar.exceptions import HTTPException

from asteroid_cloud.api.http.framework_errors import ErrorHandler
from asteroid_cloud.wal.errors import Conflict, NotFound


def caused(cause: BaseException) -> HTTPException:
    """What the framework makes of an error within a body."""
    error = HTTPException(detail="the framework's own words", status_code=400)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (caused(msgspec.DecodeError("truncated")), 400, "bad_json"),
        (caused(msgspec.ValidationError("Object contains unknown field `x`")), 400, "unknown_field"),
        (caused(RecursionError()), 400, "bad_json"),
        (HTTPException(detail="bad query", status_code=400), 400, "bad_request"),
        (HTTPException(status_code=404), 404, "not_found"),
        (HTTPException(status_code=405), 404, "not_found"),
        (HTTPException(status_code=413), 413, "payload_too_large"),
        (HTTPException(status_code=500), 500, "internal"),
        (NotFound("no id"), 404, "not_found"),
        (ValueError("ours"), 500, "internal"),
    ],
    ids=repr,
)
def test_every_exception_has_an_answer(error: BaseException, status: int, code: str) -> None:
    answer = ErrorHandler([]).answer(error)
    told = json.loads(answer.body)
    assert (answer.status, told["code"]) == (status, code)
    assert told["error"]


@pytest.mark.parametrize("data", ["/srv/data/store", "/srv/data/store/"])
def test_row_24_the_folders_of_the_server_are_in_no_message(data: str) -> None:
    handler = ErrorHandler([data, "/srv/data/store/backups", None])
    for path in ("/srv/data/store/backups/one", "/srv/data/store", "/srv/data/store/wal/1.wal"):
        told = handler.answer(Conflict(f"{path} is not empty", code="backup_exists")).body
        assert b"srv" not in told
        assert b"not empty" in told
