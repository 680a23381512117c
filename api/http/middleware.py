"""The middleware that every request passes, between the connection and the routes.

``admission`` decides who may pass. This gives each request an id, bounds its body and its answer, takes HEAD
for a GET without an answer's body, and decodes encoded bodies.

It is around the whole application, so unknown routes and broken requests pass it as well, and every answer,
whatever went wrong, has the one error shape.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from asteroid_cloud.api.http.access.admission import Admission
from asteroid_cloud.api.http.access.keys import KeyRing
from asteroid_cloud.api.http.all_routes import MATCHER
from asteroid_cloud.api.http.bodies import Body
from asteroid_cloud.api.http.exchange.body_encoding import ENCODING, LENGTH
from asteroid_cloud.api.http.exchange.log_lines import log_access
from asteroid_cloud.api.http.exchange.sending import Sender, SlowReader
from asteroid_cloud.api.http.framework_errors import ErrorHandler
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.http.settings.units import parse_size
from asteroid_cloud.api.routing.matcher import Match
from asteroid_cloud.api.routing.route import API, Route
from asteroid_cloud.api.service.access.grants import Grant
from asteroid_cloud.api.service.collections import Collection, Collections
from asteroid_cloud.api.service.memory.answers import AnswerBudget, AnswerRoom
from asteroid_cloud.api.service.memory.heap import HeapTrimmer
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.api.wire.error_answers import ErrorAnswer
from asteroid_cloud.api.wire.headers import ANSWER_ROOM, COLLECTION, GONE, GRANT, HEAD_ONLY, ROUTE
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.api.wire.request_ids import REQUEST_ID_NAME, begin_request
from asteroid_cloud.wal.errors import NotFound, Overloaded


class RequestGuard:
    """An ASGI application around another: admits a request or refuses it, and counts it."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        metrics: Metrics,
        errors: ErrorHandler,
        collections: Collections,
        hot: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        """``app`` answers every route but those of ``hot``, by their paths in the framework."""
        self._hot = hot or {}
        self._collections = collections
        self._app = app
        self._metrics = metrics
        self._errors = errors
        self._admission = Admission(settings)
        options = settings.engine_options
        self._remembers_s = options.idempotency_age_ms // 1000 if options.idempotency_keys else 0
        self._bodies: set[Body] = set()
        """Of the requests under way."""
        self._is_stopping = False
        self._lag_s_max = settings.body_timeout_s
        self._stall_s_max = settings.answer_stall_s
        self.answers = AnswerBudget(parse_size(settings.answer_budget))
        """The memory of all answers under way."""
        self.heap = HeapTrimmer()
        """Gives free memory back to the system; somebody has to run it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began_s, held = time.perf_counter(), 0
        match = MATCHER.find(scope["method"], scope["raw_path"])
        headers = dict(scope["headers"])
        request_id = begin_request(headers.get(REQUEST_ID_NAME))
        room = AnswerRoom(self.answers)
        sender = Sender(scope, send, room, request_id=request_id, stall_s_max=self._stall_s_max)
        self._metrics.in_flight += 1
        try:
            holder, grant = self._admission.identify(scope, headers, match)
            sender.is_last = False
            asked = self._admission.check(match, holder, grant)
            body = sender.body = Body(scope, headers, receive, asked.route, self._lag_s_max)
            held = body.held_bytes
            place = self._admission.enter(asked.route, held)
            self._watch(body)
            try:
                body.check_declared()
                inner = _inner_scope(scope, body, room, asked, grant)
                with _until_gone(scope, asked.route):
                    await self._serve(inner, asked, body.receive, sender)
            finally:
                self._bodies.discard(body)
                self._admission.leave(place)
        except Exception as error:
            if not await self._answered(error, sender):
                raise
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
            stopping = Overloaded("the server is stopping", code="stopping", retry_after_s=1.0)
            await self._answered(stopping, sender)
        finally:
            sender.finish()
            received = 0 if sender.body is None else sender.body.received
            self.heap.note(max(held, room.peak, received))
            self._metrics.in_flight -= 1
            template = "unmatched" if match is None else match.route.path
            self._note(scope, template, sender, time.perf_counter() - began_s)

    @property
    def keys(self) -> KeyRing:
        """Who may come in now."""
        return self._admission.keys

    def stop_waiting(self) -> None:
        """The server is stopping: half a body does not hold it."""
        self._is_stopping = True
        for body in self._bodies:
            body.stop_waiting()

    async def _serve(self, scope: HTTPScope, asked: Match, receive: Receive, sender: Sender) -> None:
        """Has the request answered, with its collection open for as long as that takes."""
        if not asked.route.is_named:
            await self._serve_with(self._collections.default, scope, asked, receive, sender)
            return
        name = asked.collection()
        assert name is not None, "the path of a named route has one"
        async with self._collections.use(name) as collection:
            sender.collection = collection.name if collection.name != name else None
            await self._serve_with(collection, scope, asked, receive, sender)

    async def _serve_with(
        self, collection: Collection, scope: HTTPScope, asked: Match, receive: Receive, sender: Sender
    ) -> None:
        if asked.route.path.startswith(API):
            sender.store, sender.remembers_s = collection.store_name, self._remembers_s
        scope[COLLECTION] = collection  # type: ignore[literal-required]  # our own key
        await self._hot.get(asked.framework_path, self._app)(scope, receive, sender)

    async def _answered(self, error: Exception, sender: Sender) -> bool:
        """Answers an error, except to a client that does not read; False when something was sent already.

        What a collection that is removed was answering ends where it is.
        """
        if isinstance(error, SlowReader) or isinstance(error.__cause__, SlowReader):
            return True
        if sender.status:
            return isinstance(error, NotFound) and error.code == "no_collection"
        with suppress(SlowReader):
            await _send(self._errors.answer(sender.refusal or error), sender)
        return True

    def _note(self, scope: HTTPScope, template: str, sender: Sender, seconds: float) -> None:
        """Counts a request that is over, and logs it if that is wanted."""
        status = sender.status or 500
        self._metrics.observe_request(scope["method"], template, status, seconds)
        received = None if sender.body is None else sender.body.declared
        client = str((scope.get("client") or ("unknown",))[0])
        log_access(scope["method"], scope["path"], status, seconds, received, sender.sent, client)

    def _watch(self, body: Body) -> None:
        """Has a body under way that a stopping server does not wait for."""
        self._bodies.add(body)
        if self._is_stopping:
            body.stop_waiting()


def _until_gone(scope: HTTPScope, route: Route) -> AbstractContextManager[None]:
    """A read ends when its client goes away; what a write does is done whoever waits for it."""
    if route.scope == "read" and not route.is_feed and GONE in scope:
        return scope[GONE]()  # type: ignore[literal-required,no-any-return]  # our own key
    return nullcontext()


def _inner_scope(scope: HTTPScope, body: Body, room: AnswerRoom, match: Match, grant: Grant) -> HTTPScope:
    """The request as the application sees it: HEAD as a GET, and an encoded body as the plain one."""
    path = scope["path"] if match.route.is_mounted else match.framework_path
    scope = {**scope, "path": path, ROUTE: match, GRANT: grant, ANSWER_ROOM: room}  # type: ignore[misc]
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
