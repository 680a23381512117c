"""How the first lines of an answer look on the wire, and all of an answer to what never became a request."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from asteroid_cloud.api.wire.error_answers import answer_to
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.api.wire.request_ids import REQUEST_ID, new_request_id
from asteroid_cloud.wal.errors import AsteroidError

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def head_of(status: int, headers: Iterable[tuple[bytes, bytes]], *more: bytes) -> bytes:
    """The status line and the headers, with ``more`` whole lines; raises ValueError for a broken header."""
    pairs = list(headers)
    lines = [STATUS_LINES[status]]
    for name, value in pairs:
        lines += (name, b": ", value, b"\r\n")
    head = b"".join([*lines, *more, b"\r\n"])
    if head.count(b"\n") != 2 + len(pairs) + len(more):
        raise ValueError("a header of an answer has a line end in it")
    return head


def refusal(error: AsteroidError) -> bytes:
    """A whole answer, after which the connection ends."""
    answer = answer_to(error)
    headers = {
        "content-type": JSON,
        "content-length": str(len(answer.body)),
        REQUEST_ID.lower(): new_request_id(),
        **answer.headers,
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    return head_of(answer.status, encoded, CLOSE) + answer.body
