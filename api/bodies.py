"""Request bodies: how large they may be, and how long a client may take over them."""

from __future__ import annotations

import anyio
from litestar.types import HTTPReceiveMessage, Receive

from asteroid_cloud.wal.errors import InvalidRequest, TooLarge
from asteroid_cloud.wal.limits import BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX, BULK_BODY_BYTES_MAX

BYTES_MAX_BY_PATH = {
    "/v1/vectors/batch": BATCH_BODY_BYTES_MAX,
    "/v1/build/bulk": BULK_BODY_BYTES_MAX,
}
STREAMED_PATHS = {"/v1/build/bulk"}


def bytes_max_of(path: str) -> int:
    """How large the body of a request to ``path`` may be."""
    return BYTES_MAX_BY_PATH.get(path, BODY_BYTES_MAX)


def check_declared(path: str, content_length: bytes) -> None:
    """Refuses a body by what its header declares, before any of it is read."""
    if not content_length:
        return
    if not content_length.isdigit():
        raise InvalidRequest("Content-Length must be a number")
    if int(content_length) > bytes_max_of(path):
        raise too_large(path)


def too_large(path: str) -> TooLarge:
    """The error for a body over its limit."""
    return TooLarge(f"a body for {path} may have {bytes_max_of(path):,} bytes", limit=bytes_max_of(path))


def guarded(receive: Receive, path: str, pause_s_max: float) -> Receive:
    """``receive``, but it counts the bytes and does not wait for ever for the next ones."""
    left = bytes_max_of(path)
    is_whole = False

    async def receive_some() -> HTTPReceiveMessage:
        nonlocal left, is_whole
        if is_whole:
            return await receive()  # type: ignore[return-value]  # waits for the client to go away
        try:
            with anyio.fail_after(pause_s_max):
                message = await receive()
        except TimeoutError as error:
            raise InvalidRequest(
                f"nothing of the body came for {pause_s_max:g} seconds", code="body_timeout"
            ) from error
        if message["type"] == "http.request":
            left -= len(message["body"])
            is_whole = not message["more_body"]
            if left < 0:
                raise too_large(path)
        return message  # type: ignore[return-value]

    return receive_some
