"""Routes that are asked thousands of times a second: they go from the middleware straight to their handlers.

The framework would look for the route a second time, and for who handles its errors, which the middleware
does as well.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from asteroid_cloud.wal.errors import InvalidRequest

HotHandler = Callable[..., Coroutine[Any, Any, ASGIApp]]
"""Takes the request and ``body``, and returns the application that sends the answer."""


def hot(handler: HotHandler) -> ASGIApp:
    """The application of a route that takes a body. Its method was looked at when the route was found."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == ScopeType.HTTP, "the middleware lets nothing else in"
        answer = await handler(Request(scope, receive), body=await _whole_body(receive))
        await answer(scope, receive, send)

    return called


async def _whole_body(receive: Receive) -> bytes:
    """All of a request's body; its size is bounded where it is received."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidRequest("the client went away before its body was whole")
        pieces.append(message["body"])
        if not message["more_body"]:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
