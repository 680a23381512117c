"""Whatever a client has sent half of, or does not read, a server that is told to stop ends."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from ops.forked_server import ForkedServer
from tests.support.http_corpus import get, post

KEY = "key-of-the-test-of-stopping"
GOOD = f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n".encode()
HALVES = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "half of the headers": b"GET /v1/index HTTP/1.1\r\nHost: localhost\r\nA: b",
    "an empty line behind a request": get() + b"\r\n",
    "half of a second request": get() + b"GET /v1/ind",
    "many requests": get() * 1_000,
    "half of a body without a key": post(b"Content-Length: 60000\r\n", b"{"),
    "half of a short body that nobody reads": post(
        GOOD + b"Content-Length: 60000\r\n", line=b"POST /v1/nowhere HTTP/1.1"
    ),
    "half of a long body that nobody reads": post(
        GOOD + b"Content-Length: 600000\r\n", line=b"POST /v1/nowhere HTTP/1.1"
    ),
    "half of a body": post(GOOD + b"Content-Length: 60000\r\n", b"{"),
    "half of a body in chunks": post(GOOD + b"Transfer-Encoding: chunked\r\n", b"1\r\n{\r\n"),
    "a client that waits for 100 Continue": post(GOOD + b"Expect: 100-continue\r\nContent-Length: 9\r\n"),
    "an upgrade": post(GOOD + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n", b"{"),
    "what is no HTTP": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
}


@pytest.mark.timeout(120)
def test_a_server_does_not_wait_for_halves(tmp_path: Path) -> None:
    options = ("--dim", "2", "--api-key", KEY, "--drain-s", "600", "--body-timeout-s", "600")
    with ForkedServer(tmp_path, *options) as server:
        host, port = server.url.removeprefix("http://").split(":")
        connections = []
        for half in HALVES.values():
            connections.append(socket.create_connection((host, int(port)), timeout=60))
            connections[-1].sendall(half)
        with socket.create_connection((host, int(port)), timeout=60) as last:
            last.sendall(get(headers=b"Connection: close\r\n"))
            assert last.recv(65_536).startswith(b"HTTP/1.1 200 ")
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        for connection in connections:
            connection.close()
