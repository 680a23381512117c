"""Turns the bytes of a connection into requests, or says why they are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, Protocol

import httptools

from asteroid_cloud.api.http.connection.head import Headers, Target, checked_target
from asteroid_cloud.api.http.connection.rules import Received
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest

ASGI = {"version": "3.0", "spec_version": "2.3"}
NO_TRAILERS = {b"connection", b"content-length", b"keep-alive", b"transfer-encoding", b"upgrade"}
"""The parser would take them for headers of the connection, whose fate is decided by then."""
P = ParamSpec("P")


class Request(NamedTuple):
    """A request whose headers are whole."""

    method: str
    target: Target
    version: str
    headers: Headers
    length: int | None
    """Of its body; None if that comes in chunks."""
    keeps_alive: bool
    awaits_continue: bool


def scope_of(request: Request) -> dict[str, Any]:
    """It as the application sees it (ASGI), but for the two ends of the connection."""
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": request.version,
        "method": request.method,
        "root_path": "",
        "path": request.target.path,
        "raw_path": request.target.raw_path,
        "query_string": request.target.query,
        "headers": request.headers,
        "state": {},
    }


class Listener(Protocol):
    """Learns what arrives, in order. An AsteroidError of it stops the reader for good."""

    def request_begins(self) -> None:
        """The first byte."""

    def request_came(self, request: Request) -> None:
        """The headers are whole."""

    def body_came(self, piece: bytes) -> None:
        """A piece of the body."""

    def request_is_whole(self) -> None:
        """The body is whole."""


class RequestReader:
    """Reads one connection, one request behind the other."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = _parser_for(self)
        self._received = Received()
        self._fault: AsteroidError | None = None
        """Why the parser was stopped."""
        self._number = 0
        """Of the newest request."""
        self._is_in_body = False
        self._body_bytes = 0
        """Of the newest request, as far as they came."""
        self._is_replayed = False
        """Whether the headers are read again, without those that ask for another protocol."""
        self._url = b""
        self._headers: Headers = []

    def feed(self, data: bytes) -> None:
        """Reads what has arrived; raises AsteroidError when it is not right: nothing more may follow."""
        number, before = self._number if self._is_in_body else None, self._body_bytes
        if number is None:
            self._received.took_head(len(data))
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self._replay(data[error.args[0] :])
        except httptools.HttpParserError as error:
            raise self._fault or InvalidRequest(f"this is not HTTP: {error}") from error
        if not self._is_in_body:
            self._received.check_head()
        elif number == self._number:
            self._received.took_body(len(data), self._body_bytes - before)

    # What the parser calls. An exception stops it.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._url, self._headers = b"", []
        self._tell(self._listener.request_begins)

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those behind a body mean nothing here."""
        self._tell(self._received.took_header, len(name) + len(value), self._is_in_body)
        if not self._is_in_body:
            self._headers.append((name.lower(), value))
        elif name.lower() in NO_TRAILERS:
            self._tell(self._refuse_trailer, name)

    def on_headers_complete(self) -> None:
        """The request is known, all but its body."""
        if self._parser.should_upgrade() and self._parser.get_method() != b"CONNECT":
            self._is_replayed = True
            return
        self._tell(self._hand_over)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(body)
        self._listener.body_came(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._is_in_body:  # not one that is read again
            self._is_in_body = False
            self._received.expect_head()
            self._listener.request_is_whole()

    def _refuse_trailer(self, name: bytes) -> None:
        raise InvalidRequest(f"{name.decode('latin-1'):.40} may not stand behind a body")

    def _hand_over(self) -> None:
        method, version = self._parser.get_method(), self._parser.get_http_version()
        target = checked_target(method, self._url, version, self._headers)
        given, is_1_1 = dict(self._headers), version == "1.1"
        self._received.expect_body()
        self._number += 1
        self._is_in_body, self._body_bytes = True, 0
        self._listener.request_came(
            Request(
                method.decode("ascii"),
                target,
                version,
                self._headers,
                None if b"transfer-encoding" in given else int(given.get(b"content-length", b"0")),
                is_1_1 and self._parser.should_keep_alive(),
                is_1_1 and given.get(b"expect", b"").lower() == b"100-continue",
            )
        )

    def _replay(self, rest: bytes) -> None:
        """Reads a request again as one that asks for no other protocol (RFC 9110, 7.8), and what follows."""
        if not self._is_replayed:  # CONNECT was refused before
            return
        self._is_replayed = False
        version = self._parser.get_http_version().encode()
        lines = [b"%b: %b\r\n" % (name, value) for name, value in self._headers if name != b"upgrade"]
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (self._parser.get_method(), self._url, version, b"".join(lines))
        self._parser = _parser_for(self)
        self._received.expect_head()
        self.feed(head + rest)

    def _tell(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Keeps the exception of a callback: the parser does not give it back."""
        try:
            call(*args, **kwargs)
        except AsteroidError as error:
            self._fault = error
            raise


def _parser_for(reader: RequestReader) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(reader)
    # What comes behind a request that ends the connection is no error: that one is answered still.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
