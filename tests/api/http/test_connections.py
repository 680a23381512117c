"""What a client may do before there is a request to look at, without a socket or a clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from asteroid_cloud.api.http import connections
from asteroid_cloud.api.http.connections import BoundedProtocol, connections_max
from asteroid_cloud.api.limits import CONNECTIONS_MAX, HEADERS_BYTES_MAX, HEADERS_S_MAX
from asteroid_cloud.api.wire.headers import GONE
from asteroid_cloud.wal.errors import Cancelled

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        """Nothing comes by itself here."""

    @property
    def answer(self) -> tuple[int, str]:
        """Status and code of the one answer written, which has the shape of all errors."""
        head, _, body = self.written.partition(b"\r\n\r\n")
        assert b"connection: close" in head
        assert b"content-type: application/json" in head
        assert f"content-length: {len(body)}".encode() in head
        told = json.loads(body)
        assert told["error"]
        return int(head.split()[1]), told["code"]


class FakeHandle:
    """A timer that runs only when it is told to."""

    def __init__(self, delay_s: float, run: Callable[[], None]) -> None:
        self.delay_s = delay_s
        self.run = run
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeTask:
    """A request that is being served and never ends."""

    def add_done_callback(self, _: object) -> None:
        """Is never called."""


class FakeLoop:
    """Keeps timers and requests instead of running them."""

    def __init__(self) -> None:
        self.timers: list[FakeHandle] = []
        self.requests = 0

    def call_later(self, delay_s: float, run: Callable[[], None]) -> FakeHandle:
        self.timers.append(FakeHandle(delay_s, run))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None], **_: object) -> FakeTask:
        work.close()
        self.requests += 1
        return FakeTask()

    def pending(self) -> list[FakeHandle]:
        """The timers that still run."""
        return [timer for timer in self.timers if not timer.is_cancelled]


async def serve(scope: object, receive: object, send: object) -> None:
    """An application that is never run."""


class Peer:
    """One client of a server."""

    def __init__(self, state: ServerState | None = None) -> None:
        self.loop = FakeLoop()
        self.transport = FakeTransport()
        config = Config(serve, ws="none", lifespan="off", log_config=None)
        loop: Any = self.loop
        self.protocol = BoundedProtocol(config, state or ServerState(), {}, loop)
        self.protocol.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def let_time_pass(self) -> None:
        """Runs out all timers."""
        for timer in self.loop.pending():
            timer.run()


def test_a_whole_request_is_served_and_stops_the_clock() -> None:
    peer = Peer()
    assert [timer.delay_s for timer in peer.loop.pending()] == [HEADERS_S_MAX]
    peer.send(REQUEST)
    assert peer.loop.requests == 1
    assert peer.loop.pending() == []
    assert not peer.transport.is_closed


def test_headers_that_trickle_are_cut() -> None:
    peer = Peer()
    for byte in REQUEST[:-1]:
        peer.send(bytes([byte]))
    assert len(peer.loop.timers) == 1, "more bytes must not buy more time"
    peer.let_time_pass()
    assert peer.transport.answer == (408, "headers_timeout")
    assert peer.transport.is_closed
    peer.send(REQUEST[-1:])
    assert peer.loop.requests == 0


def test_what_was_asked_for_ends_when_the_client_goes_away() -> None:
    peer = Peer()
    peer.send(REQUEST)
    until_gone = peer.protocol.scope[GONE]  # type: ignore[typeddict-item]

    async def work() -> None:
        with until_gone():
            await anyio.sleep_forever()

    peer.protocol.connection_lost(None)
    with pytest.raises(Cancelled):
        asyncio.run(work())


def test_one_that_never_asks_is_let_go_without_a_word() -> None:
    peer = Peer()
    peer.let_time_pass()
    assert peer.transport.is_closed
    assert peer.transport.written == b""


def test_a_second_request_has_its_own_time() -> None:
    peer = Peer()
    peer.send(REQUEST)
    peer.send(REQUEST[:5])
    assert [timer.delay_s for timer in peer.loop.pending()] == [HEADERS_S_MAX]
    peer.let_time_pass()
    assert peer.transport.answer == (408, "headers_timeout")


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nA: ", b"GET / HTTP/1.1\r\n"])
def test_headers_without_end_are_refused(start: bytes) -> None:
    peer = Peer()
    peer.send(start)
    line = b"A: b\r\n" * 200 if start.endswith(b"\n") else b"a" * 1_200
    sent = 0
    while not peer.transport.is_closed:
        peer.send(line)
        sent += len(line)
        assert sent < 2 * HEADERS_BYTES_MAX
    assert sent > HEADERS_BYTES_MAX - len(line) - len(start)
    assert peer.transport.answer == (431, "headers_too_large")
    assert peer.loop.pending() == []


def test_large_headers_within_the_limit_are_served() -> None:
    peer = Peer()
    peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
    peer.send(b"a" * (HEADERS_BYTES_MAX - 100))
    peer.send(b"\r\n\r\n")
    assert peer.loop.requests == 1
    assert not peer.transport.is_closed


def test_bodies_do_not_count_as_headers() -> None:
    peer = Peer()
    peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(10):
        peer.send(b"a" * 50_000)
    assert peer.loop.pending() == []
    assert not peer.transport.is_closed


@pytest.mark.parametrize("data", [b"GARBAGE\r\n\r\n", b"\0\xff\xfe", b"\x16\x03\x01\x02\0\x01\0"])
def test_what_is_not_http_is_refused_in_the_shape_of_all_errors(
    caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    peer = Peer()
    peer.send(data)
    assert caplog.records == [], "a stranger must not be able to fill the log"
    assert peer.transport.answer == (400, "bad_request")
    assert peer.transport.is_closed


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "connections_max", lambda: 2)
    state = ServerState()
    first, second, third = Peer(state), Peer(state), Peer(state)
    assert third.transport.answer == (503, "overloaded")
    assert third.transport.is_closed
    third.protocol.connection_lost(None)
    first.protocol.connection_lost(None)
    assert first.loop.pending() == []
    fourth = Peer(state)
    assert not fourth.transport.is_closed
    assert not second.transport.is_closed


@pytest.mark.parametrize(
    ("files_max", "expected"), [(-1, CONNECTIONS_MAX), (1_024, 512), (10**6, CONNECTIONS_MAX)]
)
def test_half_of_the_open_files_are_the_stores(
    monkeypatch: pytest.MonkeyPatch, files_max: int, expected: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files_max, files_max))
    assert connections_max() == expected
