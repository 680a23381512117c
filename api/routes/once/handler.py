"""Writes that are done once: the first attempt at a request with a key does it, later ones are told so."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from functools import wraps
from typing import Any

from litestar import Response

from asteroid_cloud.api.routes.once.again import AGAIN, LOADED, OUTSIDE, refusal_text, repeated
from asteroid_cloud.api.routes.responses import REQUEST_KEY, AnyRequest, collection_of, default_collection
from asteroid_cloud.api.routing.route import Handler, Route
from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.api.service.requests.turns import is_remembered
from asteroid_cloud.api.wire.error_codes import status_of
from asteroid_cloud.api.wire.headers import BULK_HEADER_PREFIXES, IF_MATCH, IF_NONE_MATCH, LSN_HEADER
from asteroid_cloud.api.wire.request_keys import KEY_HEADER, checked_key, request_key
from asteroid_cloud.indexer import Remembered
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.format import RequestKey
from asteroid_cloud.wal.limits import KIB

logger = logging.getLogger(__name__)
IN_PLACE_BYTES_MAX = 64 * KIB
"""Bodies up to this size are digested in place."""
SAYS = (IF_MATCH, IF_NONE_MATCH, *(prefix + name for prefix in BULK_HEADER_PREFIXES for name in ("N", "Dim")))
"""Headers that are part of what is asked."""


def once(route: Route) -> Handler:
    """The route's handler; that of a write does a request with a key once, whatever comes how often."""
    handler, again = route.handler, AGAIN.get(route.operation)
    if again is None:
        return handler

    @wraps(handler)
    async def keyed(request: AnyRequest, **given: Any) -> object:
        key = checked_key(request.headers.getall(KEY_HEADER, []))
        collection = None if key is None else _remembering(route, request)
        if key is None or collection is None:
            return await handler(request, **given)
        body = b"" if route.is_streamed else await request.body()
        asked = await _asked(collection, request, key, body)
        async with collection.turns.turn(asked) as known:
            if known is not None:
                return repeated(request, body, known, again)
            request.scope[REQUEST_KEY] = asked  # type: ignore[literal-required]  # a key of our own
            if again is OUTSIDE:
                await collection.engine.requests.begin(asked)
            return await _first(collection, asked, route, handler(request, **given))

    return keyed


def _remembering(route: Route, request: AnyRequest) -> Collection | None:
    """The collection whose log remembers the request; None where none does.

    What is done to collections and aliases is remembered by ``default``, if that is served.
    """
    if route.reach == "server":
        collection = default_collection(request)
        engine = collection.engine
        if engine.phase.name != "ready" or engine.failure is not None:
            return None
    else:
        collection = collection_of(request)
    return collection if collection.turns.is_on else None


async def _asked(collection: Collection, request: AnyRequest, key: str, body: bytes) -> RequestKey:
    """The key, with a digest of all that is asked; of a body that streams, of its length."""
    length = "" if body else request.headers.get("content-length", "")
    said = [request.method, length]
    said += [f"{name}:{request.headers[name]}" for name in SAYS if name in request.headers]
    parts = [request.scope["raw_path"], *(text.encode() for text in said), body]
    if len(body) <= IN_PLACE_BYTES_MAX:
        return request_key(key, parts)
    return await collection.reads.in_thread(lambda: request_key(key, parts))


async def _first(
    collection: Collection, asked: RequestKey, route: Route, answering: Coroutine[Any, Any, object]
) -> object:
    """Does the request, and has it remembered as far as its own record does not tell the answer."""
    try:
        response = await answering
    except AsteroidError as error:
        if is_remembered(error, status_of(error)):
            await _remember(collection, asked, status_of(error), 0, refusal_text(error))
        raise
    assert isinstance(response, Response)
    if AGAIN[route.operation] is LOADED or not _is_told(collection.engine.requests.known(asked)):
        lsn, content = int(response.headers.get(LSN_HEADER, "0")), response.content
        await _remember(collection, asked, route.status, lsn, content if isinstance(content, bytes) else b"")
    return response


def _is_told(known: Remembered | None) -> bool:
    return known is not None and known.is_whole


async def _remember(collection: Collection, asked: RequestKey, status: int, lsn: int, text: bytes) -> None:
    """Logs an answer. When that fails the answer is still right, only a later attempt will not know of it."""
    try:
        await collection.engine.requests.answer(asked, status, lsn, text)
    except AsteroidError as error:
        logger.warning("the answer of a request is not remembered: %s", error.code)
