"""Requests that are malformed, or that two programs could understand in two ways.

Each case says what a server must make of its bytes: the requests that it serves, in order, and the status
with which it then refuses to read on. ``SMUGGLED`` is a request in the place of a body: it must never be
served.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST = b"Host: localhost\r\n"
SMUGGLED = b"DELETE /v1/vectors/7 HTTP/1.1\r\n" + HOST + b"X-Request-ID: smuggled\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(SMUGGLED)
ONE_CHUNK = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
Served = tuple[str, str, bytes]
READ: Served = ("POST", "/v1/count", b"{}")
SWALLOWED: Served = ("POST", "/v1/count", SMUGGLED)
NEXT: Served = ("GET", "/health", b"")


def post(headers: bytes = b"", body: bytes = b"", line: bytes = b"POST /v1/count HTTP/1.1") -> bytes:
    """A request; with its Host."""
    return line + b"\r\n" + HOST + headers + b"\r\n" + body


def get(path: bytes = b"/health", headers: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A request without a body."""
    return b"GET " + path + b" HTTP/" + version + b"\r\n" + HOST + headers + b"\r\n"


@dataclass(frozen=True)
class Case:
    """Bytes of one connection, and what a server must make of them.

    ``SMUGGLED`` behind a case is there to be served if the case is not refused; a proxy that repairs the case
    may forward it, as it is a request of the same client then.
    """

    name: str
    sent: bytes
    served: tuple[Served, ...] = ()
    refused: int = 0
    """The status of the last answer, which is to what was not served; 0 if all was served."""
    ends: bool = False
    """Whether the server ends the connection, though it refused nothing."""
    is_about_one_read: bool = False
    """Whether it means something else when it arrives in pieces."""


def bad(name: str, sent: bytes, status: int = 400) -> Case:
    """Refused before anything of it is served; what follows would be served if it were not."""
    return Case(name, sent + SMUGGLED, (), status)


def bad_chunks(name: str, body: bytes) -> Case:
    """A body in chunks that are none."""
    return Case(name, post(CHUNKED, body) + SMUGGLED, (), 400)


CORPUS = (
    # Which length counts?
    bad("length and chunks", post(LENGTH + CHUNKED, ONE_CHUNK)),
    bad("chunks and length", post(CHUNKED + LENGTH, ONE_CHUNK)),
    bad("two lengths", post(LENGTH + b"Content-Length: 0\r\n", SMUGGLED)),
    bad("the same length twice", post(LENGTH + LENGTH, SMUGGLED)),
    bad("a list of lengths", post(b"Content-Length: 3, 3\r\n")),
    bad("a length with a sign", post(b"Content-Length: +3\r\n")),
    bad("a negative length", post(b"Content-Length: -3\r\n")),
    bad("a hexadecimal length", post(b"Content-Length: 0x3\r\n")),
    bad("a length with a space in it", post(b"Content-Length: 1 3\r\n")),
    bad("an empty length", post(b"Content-Length:\r\n")),
    bad("a length beyond 64 bits", post(b"Content-Length: 99999999999999999999\r\n")),
    bad("a length with a space before the colon", post(b"Content-Length : 3\r\n")),
    bad("a length on a folded line", post(b"Content-Length:\r\n 3\r\n")),
    bad("a length behind a bare CR", post(b"A: b\rContent-Length: 3\r\n")),
    bad("a length behind a bare LF", post(b"A: b\nContent-Length: 3\r\n")),
    # Is it in chunks?
    bad("chunks by another name", post(b"Transfer-Encoding: xchunked\r\n", ONE_CHUNK)),
    bad("chunks behind a vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", ONE_CHUNK)),
    bad("gzip in chunks", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")),
    bad("chunks, then another coding", post(b"Transfer-Encoding: chunked, identity\r\n", ONE_CHUNK)),
    bad("chunks twice", post(CHUNKED + CHUNKED, b"0\r\n\r\n")),
    bad("identity", post(b"Transfer-Encoding: identity\r\n", ONE_CHUNK)),
    bad("chunks in HTTP/1.0", post(CHUNKED, ONE_CHUNK, b"POST /v1/count HTTP/1.0")),
    bad("an empty coding", post(b"Transfer-Encoding:\r\n")),
    Case("chunks in capitals", post(b"Transfer-Encoding: CHUNKED\r\n", ONE_CHUNK) + get(), (SWALLOWED, NEXT)),
    Case("a request in a body", post(LENGTH, SMUGGLED) + get(), (SWALLOWED, NEXT)),
    Case("a request in a chunk", post(CHUNKED, ONE_CHUNK) + get(), (SWALLOWED, NEXT)),
    # Where does a chunk end?
    Case("a chunk extension", post(CHUNKED, b'2;a="b"\r\n{}\r\n0\r\n\r\n') + get(), (READ, NEXT)),
    Case("leading zeros", post(CHUNKED, b"0002\r\n{}\r\n00\r\n\r\n") + get(), (READ, NEXT)),
    Case(
        "trailers that are headers",
        post(CHUNKED, b"2\r\n{}\r\n0\r\nX-LSMVec-N: 3\r\nAuthorization: x\r\n\r\n") + get(),
        (READ, NEXT),
    ),
    bad_chunks("a length in a trailer", b"2\r\n{}\r\n0\r\nContent-Length: 3\r\n\r\n"),
    bad_chunks("Connection in a trailer", b"2\r\n{}\r\n0\r\nConnection: close\r\n\r\n"),
    bad_chunks("an upgrade in a trailer", b"0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
    bad_chunks("a coding in a trailer", b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    bad_chunks("a size that is no number", b"zz\r\n{}\r\n0\r\n\r\n"),
    bad_chunks("a size with a sign", b"+2\r\n{}\r\n0\r\n\r\n"),
    bad_chunks("a negative size", b"-2\r\n{}\r\n0\r\n\r\n"),
    bad_chunks("a size with 0x", b"0x2\r\n{}\r\n0\r\n\r\n"),
    bad_chunks("a size with a space", b"2 \r\n{}\r\n0\r\n\r\n"),
    bad_chunks("a size beyond 64 bits", b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    bad_chunks("an empty size", b"\r\n{}\r\n0\r\n\r\n"),
    bad_chunks("a size that ends in LF", b"2\n{}\r\n0\r\n\r\n"),
    bad_chunks("a chunk that ends in LF", b"2\r\n{}\n0\r\n\r\n"),
    bad_chunks("a chunk that is longer than its size", b"2\r\n{}}\r\n0\r\n\r\n"),
    bad_chunks("an extension that ends in LF", b"2;a\n{}\r\n0\r\n\r\n"),
    bad_chunks("a line end in an extension", b'2;a="\r\n"\r\n{}\r\n0\r\n\r\n'),
    bad_chunks("an extension without end", b"2;" + b"a" * 200_000),
    bad_chunks("a trailer without end", b"2\r\n{}\r\n0\r\nA: " + b"a" * 200_000 + b"\r\nB: c\r\nD:"),
    bad_chunks("chunks of one byte without end", b"1\r\n \r\n" * 40_000),
    # Where does a line or a header end?
    bad("lines that end in LF", b"GET /v1/index HTTP/1.1\nHost: localhost\n\n"),
    bad("lines that end in CR", b"GET /v1/index HTTP/1.1\rHost: localhost\r\r"),
    bad("a folded header", post(b"A: b\r\n c: d\r\n")),
    bad("a space before the first header", b"GET /v1/index HTTP/1.1\r\n Host: localhost\r\n\r\n"),
    bad("a header without a name", post(b": x\r\n")),
    bad("a line without a colon", post(b"abc\r\n")),
    bad("NUL in a header", post(b"A: b\0c\r\n")),
    bad("NUL in a name", post(b"A\0: b\r\n")),
    bad("NUL in the target", get(b"/v1/\0index")),
    bad("a control character in a header", post(b"A: b\x01c\r\n")),
    bad("many headers", post(b"A: b\r\n" * 300), 431),
    bad("long headers", post(b"A: " + b"b" * 70_000 + b"\r\n"), 431),
    # Which host, who, and which of two?
    bad("no host", b"GET /v1/index HTTP/1.1\r\n\r\n"),
    bad("two hosts", get(headers=b"Host: localhost\r\n")),
    bad("a host with a path", b"GET /v1/index HTTP/1.1\r\nHost: localhost/x\r\n\r\n"),
    bad("a host with a space", b"GET /v1/index HTTP/1.1\r\nHost: localhost x\r\n\r\n"),
    bad("two keys", get(b"/v1/index", b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")),
    bad("two types of content", post(b"Content-Type: a/b\r\nContent-Type: application/json\r\n")),
    bad("two bulk counts", post(b"X-LSMVec-N: 1\r\nX-LSMVec-N: 2\r\n")),
    # Targets that are no path.
    Case("an absolute target", get(b"http://localhost/health"), (NEXT,)),
    bad("an absolute target of another host", get(b"http://example.org/v1/index")),
    bad("an absolute target with a user", get(b"http://a@localhost/v1/index")),
    bad("an absolute target of another scheme", get(b"ftp://localhost/v1/index")),
    bad("a fragment", get(b"/v1/index#a")),
    bad("a target without a slash", get(b"v1/index")),
    bad("a target with a space", get(b"/v1/in dex")),
    bad("a target that is not ASCII", get(b"/v1/\xe9")),
    bad("an asterisk", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    # Other protocols.
    bad("CONNECT", b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    bad("CONNECT with a length", b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + LENGTH + b"\r\n", 404),
    bad("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    bad("HTTP/2.0", get(version=b"2.0")),
    bad("HTTP/0.9", get(version=b"0.9")),
    bad("HTTP/1.2", get(version=b"1.2")),
    bad("HTTP/0.9 as it was", b"GET /v1/index\r\n"),
    bad("a method in small letters", b"get /v1/index HTTP/1.1\r\n" + HOST + b"\r\n"),
    bad("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
    Case(
        "an upgrade to h2c with a body",
        post(
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n" + LENGTH, SMUGGLED
        )
        + get(),
        (SWALLOWED, NEXT),
    ),
    Case(
        "an upgrade with a body in chunks",
        post(b"Connection: upgrade\r\nUpgrade: anything\r\n" + CHUNKED, ONE_CHUNK) + get(),
        (SWALLOWED, NEXT),
    ),
    Case(
        "an upgrade to a web socket",
        get(headers=b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n") + get(),
        (NEXT, NEXT),
    ),
    bad("an upgrade with two lengths", post(b"Connection: upgrade\r\nUpgrade: h2c\r\n" + LENGTH + LENGTH)),
    bad("an upgrade with gzip", post(b"Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: gzip\r\n")),
    # How long does the connection go on?
    Case("empty lines before a request", b"\r\n\r\n" + get(), (NEXT,)),
    Case("two requests at once", get() + get(), (NEXT, NEXT)),
    Case("a request and half of one", get() + b"GET /v1/ind", (NEXT,)),
    Case("a request and what is none", get() + b"\0\r\n\r\n", (NEXT,), 400),
    Case("a request behind the last", get(headers=b"Connection: close\r\n") + SMUGGLED, (NEXT,), ends=True),
    Case("HTTP/1.0", get(version=b"1.0") + SMUGGLED, (NEXT,), ends=True),
    Case(
        "HTTP/1.0 that would go on",
        get(headers=b"Connection: keep-alive\r\n", version=b"1.0") + SMUGGLED,
        (NEXT,),
        ends=True,
    ),
    Case("HTTP/1.0 without a host", b"GET /health HTTP/1.0\r\n\r\n", (NEXT,), ends=True),
    Case("a body with a GET", get(headers=LENGTH) + SMUGGLED + get(), (("GET", "/health", SMUGGLED), NEXT)),
    Case("many requests at once", get() * 100, (NEXT,) * 9, 400, is_about_one_read=True),
    # Who waits for whom?
    Case(
        "Expect with the body",
        post(b"Expect: 100-continue\r\n" + LENGTH, SMUGGLED) + get(),
        (SWALLOWED, NEXT),
    ),
)
