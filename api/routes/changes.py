"""The route of the change feed: lines of JSON, or server-sent events, for as long as the client listens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from functools import partial

import anyio
import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from asteroid_cloud.api.limits import FEED_STALL_S_MAX, HEARTBEAT_S_DEFAULT
from asteroid_cloud.api.routes.responses import AnyRequest, collection_of, watch_of
from asteroid_cloud.api.service.change_feeds import AskedChanges, checked_changes, followed
from asteroid_cloud.api.service.collections import Collection, NameWatch
from asteroid_cloud.api.wire.answers import VectorFormat
from asteroid_cloud.api.wire.change_lines import change_line
from asteroid_cloud.api.wire.error_answers import answer_to
from asteroid_cloud.api.wire.headers import HEAD_ONLY, LSN_HEADER
from asteroid_cloud.api.wire.media_types import EVENTS, LINES
from asteroid_cloud.api.wire.values.read import checked_format
from asteroid_cloud.indexer import Change, ChangeFeed
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

PARAMETERS = ("since", "include", "vector_format", "limit", "follow", "heartbeat")
LAST_EVENT_HEADER = "Last-Event-ID"
FLAGS = {"true": True, "false": False}
DIGITS_MAX = 19


async def changes(request: AnyRequest) -> ASGIApp:
    """What was logged after LSN ``since``, in order, each change a line of JSON."""
    asked, is_events = _asked(request), EVENTS in request.headers.get("Accept", "")
    format = checked_format(request.query_params.get("vector_format"))
    frame = as_event if is_events else as_line
    return FeedAnswer(collection_of(request), watch_of(request), asked, frame, is_events, format)


def _asked(request: AnyRequest) -> AskedChanges:
    given = dict(request.query_params)
    for name in given:
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise InvalidRequest(f"there is no parameter {name!r:.80}, only {known}", code="unknown_field")
    follow = given.get("follow", "false")
    if follow not in FLAGS:
        raise InvalidRequest("follow must be true or false", code="bad_follow")
    include = given.get("include")
    resumed = request.headers.get(LAST_EVENT_HEADER)
    return checked_changes(
        _number(given.get("since", "0") if resumed is None else resumed),
        include.split(",") if include else None,
        _number(given["limit"]) if "limit" in given else None,
        FLAGS[follow],
        _number(given.get("heartbeat", str(HEARTBEAT_S_DEFAULT))),
    )


def _number(text: str) -> object:
    """The number of a parameter, or the text itself, which its check then refuses."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else text


Frame = Callable[[str, bytes, int | None], bytes]
"""Puts one line into its frame: its kind, its JSON, and the LSN to resume behind it, if there is one."""


def as_line(kind: str, line: bytes, resume: int | None) -> bytes:
    """A line of JSON Lines."""
    return line + b"\n"


def as_event(kind: str, line: bytes, resume: int | None) -> bytes:
    """A server-sent event; its id is where a browser that was cut off goes on."""
    place = b"" if resume is None else b"id: %d\n" % resume
    return b"%sevent: %s\ndata: %s\n\n" % (place, kind.encode(), line)


class FeedAnswer:
    """The ASGI application that answers one request with a feed."""

    def __init__(
        self,
        collection: Collection,
        watch: NameWatch,
        asked: AskedChanges,
        frame: Frame,
        is_events: bool,
        format: VectorFormat = "json",
    ) -> None:
        self._collection = collection
        self._watch = watch
        self._asked = asked
        self._frame = frame
        self._format = format
        self._type = EVENTS if is_events else LINES
        self._is_over = False
        """Whether the feed has ended by itself, so that there is nothing more to say."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers until the feed ends, the client goes away or reads nothing, or the server ends.

        Also until its name leads elsewhere, or the collection is removed: a last line says so.
        """
        with self._collection.engine.changes(self._asked.since, self._asked.parts) as feed:
            newest = self._collection.engine.durable_lsn
            headers = {
                "content-type": self._type,
                "cache-control": "no-store",
                "x-accel-buffering": "no",  # or a proxy would hold back what is to come at once
                LSN_HEADER.lower(): str(newest),
            }
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            if scope.get(HEAD_ONLY):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            # Who removes the collection ends its feeds first, and waits until they have said so.
            with anyio.CancelScope(shield=True):
                with self._collection.feeds.until_end():
                    async with anyio.create_task_group() as group:
                        group.start_soon(_until_gone, receive, group.cancel_scope)
                        group.start_soon(self._until_moved, group.cancel_scope)
                        await self._give(feed, newest, send)
                        group.cancel_scope.cancel()
                # A client that reads nothing does not get the end either: its connection is cut.
                with anyio.move_on_after(1.0):
                    await self._end(send)

    async def _until_moved(self, scope: anyio.CancelScope) -> None:
        await self._watch.moved()
        scope.cancel()

    async def _end(self, send: Send) -> None:
        reason = None if self._is_over else self._watch.reason()
        last = b"" if reason is None else self._frame("error", answer_to(reason).body, None)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _give(self, feed: ChangeFeed, newest: int, send: Send) -> None:
        try:
            reached = self._asked.since
            async with aclosing(followed(feed, self._asked, newest)) as groups:
                async for given in groups:
                    reached = given.lsn
                    body = await self._collection.reads.in_thread(partial(self._encoded, given.changes))
                    if not await _sent(send, body or self._notice("heartbeat", reached)):
                        return
            self._is_over = True
            await _sent(send, self._notice("end", reached))
        except AsteroidError as error:  # the status is out already, so it becomes the last line
            self._is_over = True
            await _sent(send, self._frame("error", answer_to(error).body, None))

    def _encoded(self, changes: list[Change]) -> bytes:
        frame = self._frame
        return b"".join(
            frame("change", change_line(change, self._format), None if change.more else change.lsn)
            for change in changes
        )

    def _notice(self, kind: str, reached: int) -> bytes:
        return self._frame(kind, msgspec.json.encode({"lsn": reached, "kind": kind}), reached)


async def _sent(send: Send, body: bytes) -> bool:
    """Whether the client read it, in bounded time."""
    with anyio.move_on_after(FEED_STALL_S_MAX) as scope:
        await send({"type": "http.response.body", "body": body, "more_body": True})
    return not scope.cancelled_caught


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        await anyio.sleep(0)  # so that other tasks run, whatever other messages a server may send
    scope.cancel()
