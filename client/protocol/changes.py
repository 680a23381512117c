"""The change feed: how lines become changes, and where to continue after a broken connection."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

import msgspec

from asteroid_cloud.client.arguments import integer
from asteroid_cloud.client.errors import (
    AsteroidError,
    ConnectionFailed,
    InvalidRequest,
    OtherHistory,
    Overloaded,
    UnexpectedAnswer,
)
from asteroid_cloud.client.protocol.calls import STORE_HEADER, Call, Headers, Reply, check, failure
from asteroid_cloud.client.protocol.retry import backoff_s
from asteroid_cloud.client.results.changes import Change
from asteroid_cloud.client.settings import HEARTBEAT_S, Settings

LINE_BYTES_MAX = 64 * 1024 * 1024
STATUS_OF_ERROR_LINE = {"changes_pruned": 410, "no_collection": 404, "alias_moved": 409}
"""The status that an error would have had before the first line; 500 for all others."""


class Line(Change, frozen=True):
    """A change, a heartbeat, the end, or the error that ends a feed."""

    error: str = ""
    code: str = ""


LINE = msgspec.json.Decoder(Line)


class Lines:
    """Splits what arrives into lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def cut(self, piece: bytes) -> Iterator[bytes]:
        """The lines that are whole now; raises UnexpectedAnswer for one beyond LINE_BYTES_MAX."""
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            yield bytes(self._rest) + piece[start:end]
            self._rest.clear()
            start = end + 1
        self._rest += piece[start:]
        if len(self._rest) > LINE_BYTES_MAX:
            raise UnexpectedAnswer(f"a line of the feed has more than {LINE_BYTES_MAX} bytes")


class Following:
    """The position of one caller in the feed, kept over any number of connections."""

    def __init__(
        self,
        since: int,
        include: Sequence[str] | None,
        limit: int | None,
        follow: bool,
        settings: Settings,
    ) -> None:
        since, limit = integer("since", since), None if limit is None else integer("limit", limit)
        if since < 0:
            raise InvalidRequest(f"since must be an LSN, got {since!r}", code="bad_since")
        if limit is not None and limit < 1:
            raise InvalidRequest(f"limit must be at least 1, got {limit}", code="bad_limit")
        self.since = since
        """All changes up to here have arrived whole."""
        self.is_over = False
        self._include = include
        self._left = limit
        self._follow = follow
        self._policy = settings.policy
        self._timeout_s = settings.timeout_s
        self._failed = 0
        self._since_s = 0.0
        """When it failed for the first time after the newest line."""
        self._store: str | None = None
        """The name of the store that has answered."""
        self._part = (0, 0)
        """The LSN of a change of which a part has arrived, and how many of its rows."""
        self._skip = 0
        """Rows of it that this connection sends a second time."""

    def call(self) -> Call[None]:
        """What to ask next."""
        self._skip = self._part[1]
        asked: dict[str, object] = {"since": self.since, "heartbeat": HEARTBEAT_S}
        if self._include:
            asked["include"] = ",".join(self._include)
        if self._left is not None:
            asked["limit"] = self._left
        if self._follow:
            asked["follow"] = "true"
        headers = {"Accept": "application/x-ndjson"}
        return Call("GET", f"/v1/changes?{urlencode(asked)}", check, None, headers)

    def opened(self, headers: Headers) -> None:
        """A connection begins with these headers; raises OtherHistory when another store answers than before.

        Its LSNs would mean other records, without any error.
        """
        store = headers.get(STORE_HEADER)
        if store is None:
            return
        if self._store is not None and store != self._store:
            raise OtherHistory(
                f"another store answers now: {store}, no longer {self._store}; read all of it again",
                details={"store": store, "store_before": self._store},
            )
        self._store = store

    def take(self, line: bytes) -> Change | None:
        """The change in a line; None for a heartbeat. Raises the error that the line holds."""
        try:
            entry = LINE.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnexpectedAnswer(f"a line of the feed does not fit: {error}") from error
        if entry.error:
            raise failure(Reply(STATUS_OF_ERROR_LINE.get(entry.code, 500), {}, line))
        self._failed = 0
        if entry.kind in ("heartbeat", "end"):
            self.since = max(self.since, entry.lsn)
            self.is_over = entry.kind == "end"
            return None
        return self._unseen_of(entry)

    def pause_after(self, error: AsteroidError) -> float:
        """Seconds until the next connection; raises the error if there is to be none."""
        self._failed += 1
        now_s = time.monotonic()
        if self._failed == 1:
            self._since_s = now_s
        most = self._policy.attempts_max
        is_last = now_s - self._since_s > self._timeout_s if most is None else self._failed >= most
        if is_last or not isinstance(error, ConnectionFailed | Overloaded):
            raise error
        asked_s = error.retry_after_s if isinstance(error, Overloaded) else None
        return backoff_s(self._policy, self._failed) + (asked_s or 0.0)

    def _unseen_of(self, entry: Line) -> Change | None:
        """The part of a piece that did not arrive on an earlier connection, which broke within the change."""
        count = len(entry.ids or ())
        came = self._part[1] if entry.lsn == self._part[0] else 0
        skipped = min(count, self._skip) if came else 0
        self._skip -= skipped
        if entry.more:
            self._part = entry.lsn, came + count - skipped
            if skipped == count:
                return None
        else:
            self.since, self._part = entry.lsn, (0, 0)
            if self._left is not None:
                self._left -= 1
                self.is_over = self._left == 0
        given = {name: getattr(entry, name) for name in Change.__struct_fields__}
        for name in ("ids", "payloads", "vectors"):
            if given[name] is not None:
                given[name] = given[name][skipped:]
        return Change(**given)


def cut_off() -> ConnectionFailed:
    """The error for a feed that ends without its last line."""
    return ConnectionFailed("the feed of changes was cut off")
