"""The middleware that every request passes: how many at once, from whom, how often, how large, how slow.

It also gives each request an id, takes HEAD for a GET without an answer's body, and decodes encoded bodies.

It is around the whole application, so unknown routes and broken requests pass it as well, and every answer,
whatever went wrong, has the one error shape.
"""

from __future__ import annotations

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from asteroid_cloud.api.http.auth import KeyRing
from asteroid_cloud.api.http.bodies import Body
from asteroid_cloud.api.http.exchange.body_encoding import ENCODING, LENGTH
from asteroid_cloud.api.http.exchange.log_lines import log_access
from asteroid_cloud.api.http.framework_errors import answer_to_any
from asteroid_cloud.api.http.rate_limit import RateLimit
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import BODIES_IN_FLIGHT_BYTES_MAX
from asteroid_cloud.api.openapi.swagger_page import PAGE_PREFIX, PAGE_ROUTES
from asteroid_cloud.api.routes.table import ROUTES
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.api.wire.error_answers import ErrorAnswer
from asteroid_cloud.api.wire.headers import HEAD_ONLY
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.api.wire.request_ids import REQUEST_ID, begin_request
from asteroid_cloud.wal.errors import NotFound, Overloaded, Unauthorized

ALL_ROUTES = (*ROUTES, *PAGE_ROUTES)
ALWAYS_ANSWERED = {route.path for route in ROUTES if route.scope == "open"}
"""No bound on requests holds for these, or a busy server would look like a dead one."""


class RequestGuard:
    """An ASGI application around another: admits a request or refuses it, and counts it."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._keys = KeyRing(settings.keys())
        self._held = 0
        """Bytes of bodies that requests under way may hold in memory."""
        self._rate = RateLimit(settings.rate_limit)
        self._concurrency = settings.concurrency
        self._lag_s_max = settings.body_timeout_s
        public = settings.public_names
        self._open_paths = {
            route.path for route in ALL_ROUTES if route.scope == "open" or route.public_name in public
        }
        self._assets_are_open = "docs" in public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began_s, status, sent, body = time.perf_counter(), 0, 0, None
        headers = dict(scope["headers"])
        request_id = begin_request(headers.get(REQUEST_ID.lower().encode())).encode()
        is_head = scope["method"] == "HEAD"

        async def send_and_note(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                added = [(REQUEST_ID.lower().encode(), request_id)]
                if body is None or not await body.finish():
                    added.append((b"connection", b"close"))
                message["headers"] = [*message["headers"], *added]
            elif message["type"] == "http.response.body":
                if is_head:
                    message["body"] = b""
                sent += len(message["body"])
            await send(message)

        self._metrics.in_flight += 1
        held = 0
        inner = scope
        try:
            body = Body(scope, receive, self._lag_s_max)
            held = body.held_bytes
            self._held += held
            self._admit(scope, held)
            body.check_declared()
            inner = _inner_scope(scope, body)
            await self._app(inner, body.receive, send_and_note)
        except Exception as error:
            if status:
                raise
            await _send(answer_to_any(error), send_and_note)
        finally:
            self._metrics.in_flight -= 1
            self._held -= held
            route = inner.get("path_template") or "unmatched"
            seconds = time.perf_counter() - began_s
            self._metrics.observe_request(scope["method"], str(route), status or 500, seconds)
            received = None if body is None else body.declared
            client = str((scope.get("client") or ("unknown",))[0])
            log_access(scope["method"], scope["path"], status or 500, seconds, received, sent, client)

    def _admit(self, scope: HTTPScope, held: int) -> None:
        """Raises what speaks against serving the request."""
        headers = dict(scope["headers"])
        path = scope["path"]
        is_open = path in self._open_paths or (self._assets_are_open and path.startswith(PAGE_PREFIX))
        holder = str((scope.get("client") or ("unknown",))[0])
        if not self._keys.is_open and not is_open:
            found = self._keys.holder(headers.get(b"authorization", b""))
            if found is None:
                raise Unauthorized("a valid key is needed: Authorization: Bearer <key>")
            holder = found
        if "//" in path or (path != "/" and path.endswith("/")):  # Litestar would take it for another
            raise NotFound("there is no such route")
        if path not in ALWAYS_ANSWERED:
            self._rate.take(holder)
            if self._metrics.in_flight > self._concurrency:
                raise Overloaded("too many requests at once", retry_after_s=1.0)
            if self._held > max(held, BODIES_IN_FLIGHT_BYTES_MAX):
                raise Overloaded("too many large bodies at once", retry_after_s=1.0)
        if scope["method"] == "OPTIONS":  # which the framework would answer by itself
            raise NotFound("there is no such route")


def _inner_scope(scope: HTTPScope, body: Body) -> HTTPScope:
    """The request as the application sees it: HEAD as a GET, and an encoded body as the plain one."""
    if scope["method"] == "HEAD":
        scope = {**scope, "method": "GET", HEAD_ONLY: True}  # type: ignore[misc]
    if body.is_encoded:
        kept = [(name, value) for name, value in scope["headers"] if name not in (ENCODING, LENGTH)]
        scope = {**scope, "headers": kept}
    return scope


async def _send(answer: ErrorAnswer, send: Send) -> None:
    headers = {"content-type": JSON, "content-length": str(len(answer.body))} | answer.headers
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
