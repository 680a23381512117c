"""Change feeds, for ``/v1/changes``: what a caller asks for, the changes in groups, and all open feeds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

import anyio
import msgspec

from asteroid_cloud.api.limits import CHANGES_LIMIT_MAX, HEARTBEAT_S_MAX
from asteroid_cloud.api.service.checks import checked_include, integer, position
from asteroid_cloud.indexer import Change, ChangeFeed, FeedParts
from asteroid_cloud.wal.errors import InvalidRequest


class AskedChanges(msgspec.Struct, frozen=True):
    """A checked request for changes."""

    since: int
    parts: FeedParts
    limit: int | None
    """The number of changes after which the feed ends; the pieces of one change count once."""
    follow: bool
    heartbeat_s: int


def checked_changes(
    since: object, include: Sequence[str] | None, limit: object, follow: bool, heartbeat_s: object
) -> AskedChanges:
    """Raises InvalidRequest ``bad_since``, ``bad_include``, ``bad_limit`` or ``bad_heartbeat``."""
    named = checked_include(None if include is None else list(include))
    return AskedChanges(
        position("since", since),
        FeedParts(payloads="payload" in named, vectors="vector" in named),
        None if limit is None else _checked_number("limit", limit, 1, CHANGES_LIMIT_MAX),
        follow,
        _checked_number("heartbeat", heartbeat_s, 1, HEARTBEAT_S_MAX),
    )


def _checked_number(name: str, value: object, least: int, most: int) -> int:
    found = integer(name, value)
    if not least <= found <= most:
        raise InvalidRequest(
            f"{name} must be an integer from {least} to {most}, not {value!r:.80}", code=f"bad_{name}"
        )
    return found


class Given(msgspec.Struct, frozen=True):
    """What comes next of a feed."""

    changes: list[Change]
    """None at all only says that there is nothing else up to ``lsn``."""
    lsn: int
    """All changes up to here are given whole."""


async def followed(feed: ChangeFeed, asked: AskedChanges, until: int) -> AsyncGenerator[Given, None]:
    """The changes in groups; one without any comes when nothing else did for ``heartbeat_s``, however long
    the next change takes to be read.

    Ends after ``limit`` changes, and without ``follow`` once all up to LSN ``until`` are given.
    """
    left, given_s = asked.limit, anyio.current_time()
    while asked.follow or feed.since < until:
        if not feed.is_behind:
            with anyio.move_on_after(max(0.0, given_s + asked.heartbeat_s - anyio.current_time())):
                await feed.more()
        changes = await feed.next() if feed.is_behind else []
        reached = int(feed.since)
        if not asked.follow:
            changes, reached = [change for change in changes if change.lsn <= until], min(reached, until)
        if left is not None:
            changes, left = _first_whole(changes, left)
            reached = changes[-1].lsn if left == 0 else reached
        is_last = left == 0 or not (asked.follow or feed.since < until)
        is_silent = anyio.current_time() - given_s >= asked.heartbeat_s
        if changes or is_silent or is_last:
            yield Given(changes, reached)
            given_s = anyio.current_time()
        if is_last:
            return


def _first_whole(changes: list[Change], left: int) -> tuple[list[Change], int]:
    """As many changes as are left to be given, pieces not counted, and how many are left then."""
    for number, change in enumerate(changes):
        left -= not change.more
        if left == 0:
            return changes[: number + 1], 0
    return changes, left


class OpenFeeds:
    """The feeds that go over the wire, so that a server that ends can end them."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._ended = False

    @contextmanager
    def until_end(self) -> Iterator[None]:
        """Runs the block until ``end`` is called, at the longest."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                if self._ended:
                    scope.cancel()
                yield
            finally:
                self._scopes.discard(scope)

    def end(self) -> None:
        """Ends all feeds, and those that are asked for later at once."""
        self._ended = True
        for scope in list(self._scopes):
            scope.cancel()
