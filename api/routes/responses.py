"""How a handler reaches its collection, and how it answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.types import Receive, Scope, Send

from asteroid_cloud.api.routing.matcher import Match
from asteroid_cloud.api.service.access.grants import Grant
from asteroid_cloud.api.service.collections import Collection, Collections, NameWatch
from asteroid_cloud.api.service.memory.answers import AnswerRoom
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.api.wire.headers import (
    ANSWER_ROOM,
    COLLECTION,
    ETAG,
    GONE,
    GRANT,
    LSN_HEADER,
    MIN_LSN_HEADER,
    ROUTE,
    entity_tag,
    min_lsn_of,
)
from asteroid_cloud.api.wire.json_pieces import Pieces
from asteroid_cloud.api.wire.media_types import JSON
from asteroid_cloud.indexer import Engine

MIN_LSN_NAME = MIN_LSN_HEADER.lower().encode()
LSN_NAME = LSN_HEADER.lower().encode()
JSON_TYPE = (b"content-type", JSON.encode())
REQUEST_KEY = "asteroid.request_key"
"""In the scope of a write with a key: the ``RequestKey`` that it is logged under."""
JsonResponse = Response[bytes]
AnyRequest = Request[Any, Any, Any]


def match_of(request: AnyRequest) -> Match:
    """The route of a request."""
    match: Match = request.scope[ROUTE]  # type: ignore[literal-required]  # the guard's own key
    return match


def path_of(request: AnyRequest) -> dict[str, str]:
    """The parameters in the path, decoded; raises InvalidRequest that says which is not right."""
    return match_of(request).parameters()


def collection_of(request: AnyRequest) -> Collection:
    """The collection that the request is about; raises Overloaded ``not_ready`` until its index is made."""
    collection = _open_collection(request)
    collection.check_index_made()
    return collection


def _open_collection(request: AnyRequest) -> Collection:
    found: Collection = request.scope[COLLECTION]  # type: ignore[literal-required]  # the guard's own key
    return found


def default_collection(request: AnyRequest) -> Collection:
    """The collection ``default``, also while nothing can be asked of it yet."""
    return collections_of(request).default


def watch_of(request: AnyRequest) -> NameWatch:
    """Whether the name in the path still leads to the collection that the request is about."""
    collection = _open_collection(request)
    return NameWatch(collections_of(request), match_of(request).collection() or collection.name, collection)


def collections_of(request: AnyRequest) -> Collections:
    """All collections of the server."""
    collections: Collections = request.app.state.collections
    return collections


def engine_of(request: AnyRequest) -> Engine:
    """The engine for the writes of this request; raises as ``collection_of``."""
    return collection_of(request).engine.of_request(request.scope.get(REQUEST_KEY))  # type: ignore[arg-type]


def metrics_of(request: AnyRequest) -> Metrics:
    """The figures of this process."""
    metrics: Metrics = request.app.state.metrics
    return metrics


def grant_of(request: AnyRequest) -> Grant:
    """What the caller may do."""
    grant: Grant = request.scope[GRANT]  # type: ignore[literal-required]  # the guard's own key
    return grant


def room_of(request: AnyRequest, hint: str) -> AnswerRoom:
    """Where the answer is counted; ``hint`` says what a caller lowers when it is too large."""
    room: AnswerRoom = request.scope[ANSWER_ROOM]  # type: ignore[literal-required]  # the guard's own key
    return room.lower(hint)


def until_gone(request: AnyRequest) -> AbstractContextManager[None]:
    """A block that ends when the client goes away, with Cancelled.

    A write with a key goes on: its client may come back for the answer.
    """
    if REQUEST_KEY in request.scope:
        return nullcontext()
    ends: Callable[[], AbstractContextManager[None]]
    ends = request.scope.get(GONE, nullcontext)  # type: ignore[assignment]  # our own key
    return ends()


def wanted_lsn(request: AnyRequest, field: object = None) -> int:
    """The LSN that a read must cover, from the header or the body's field."""
    for name, value in request.scope["headers"]:
        if name == MIN_LSN_NAME:
            return min_lsn_of({MIN_LSN_HEADER: value.decode("latin-1")}, field)
    return min_lsn_of({}, field)


def answer(body: object, lsn: int) -> JsonResponse:
    """A JSON answer, from bytes or from anything that msgspec encodes; its status is the table's."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, media_type=JSON, headers={LSN_HEADER: str(lsn)})


class PiecesAnswer:
    """The ASGI application that sends a JSON answer in pieces, and lets go of each when it is sent."""

    def __init__(self, pieces: Pieces, lsn: int) -> None:
        self._pieces = pieces
        self._lsn = lsn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends all of it."""
        size = sum(map(len, self._pieces))
        headers = [JSON_TYPE, (b"content-length", b"%d" % size), (LSN_NAME, b"%d" % self._lsn)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while self._pieces:
            piece = self._pieces.popleft()
            await send({"type": "http.response.body", "body": piece, "more_body": bool(self._pieces)})


def answer_with_tag(body: object, lsn: int) -> JsonResponse:
    """An answer about one id, with its entity tag."""
    tagged = answer(body, lsn)
    tagged.headers[ETAG] = entity_tag(lsn)
    return tagged


def empty_answer(lsn: int) -> Response[None]:
    """An answer without a body."""
    return Response(None, headers={LSN_HEADER: str(lsn)})
