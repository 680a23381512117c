"""What a client may do on one connection, and how long it may take, without a socket or a clock."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from asteroid_cloud.api.http.connection.crowd import Crowd
from asteroid_cloud.api.limits import (
    HEADERS_BYTES_MAX,
    HEADERS_S_MAX,
    IDLE_S_MAX,
    LINGER_S_MAX,
    PIPELINED_MAX,
    STOPPING_BODY_S_MAX,
    UNREAD_BYTES_MAX,
    UNREAD_S_MAX,
)
from asteroid_cloud.api.wire.headers import GONE
from asteroid_cloud.wal.errors import Cancelled
from tests.support.fake_wire import Peer

pytestmark = pytest.mark.anyio

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/count HTTP/1.1\r\nHost: x\r\n"


class App:
    """Answers 200 as soon as it may, without or with reading the body."""

    def __init__(self, *, reads: bool = False, waits: bool = False) -> None:
        self.requests = 0
        self.messages: list[dict[str, Any]] = []
        self.may_answer = anyio.Event()
        self._reads = reads
        if not waits:
            self.may_answer.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += 1
        while self._reads:
            self.messages.append(await receive())
            if not self.messages[-1].get("more_body"):
                break
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def code_of(peer: Peer) -> str:
    """The code of the newest answer, which has the shape of all errors."""
    told = json.loads(peer.last_body)
    assert told["error"]
    return str(told["code"])


async def test_a_request_that_is_served_has_no_clock_and_then_the_connection_may_rest() -> None:
    app = App(waits=True)
    peer = Peer(app)
    assert peer.clocks() == [HEADERS_S_MAX]
    await peer.send(REQUEST)
    assert peer.clocks() == []
    app.may_answer.set()
    await peer.settle()
    assert peer.statuses == [200]
    assert peer.clocks() == [IDLE_S_MAX]
    await peer.let_time_pass()
    assert peer.wire.calls == ["close"]


async def test_headers_that_trickle_are_cut() -> None:
    app = App()
    peer = Peer(app)
    for byte in REQUEST[:-1]:
        await peer.send(bytes([byte]))
    assert len(peer.loop.timers) == 1, "more bytes must not buy more time"
    await peer.let_time_pass()
    assert peer.statuses == [408]
    assert code_of(peer) == "headers_timeout"
    await peer.send(REQUEST[-1:])
    assert app.requests == 0
    assert peer.clocks() == [LINGER_S_MAX]
    await peer.let_time_pass()
    assert peer.wire.calls == ["write_eof", "abort"]


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n" * 100])
async def test_one_that_never_asks_is_let_go_without_a_word(sent: bytes) -> None:
    peer = Peer(App())
    await peer.send(sent)
    await peer.let_time_pass()
    assert peer.wire.calls == ["close"]
    assert peer.wire.written == b""


@pytest.mark.parametrize("sent", [b"\r\n", b"\n", b"\r\n\r\n"])
async def test_an_empty_line_does_not_keep_an_idle_connection(sent: bytes) -> None:
    peer = Peer(App())
    await peer.send(REQUEST)
    timers = len(peer.loop.timers)
    await peer.send(sent)
    assert len(peer.loop.timers) == timers
    assert peer.clocks() == [IDLE_S_MAX]
    await peer.let_time_pass()
    assert peer.wire.calls == ["close"]


async def test_empty_lines_without_end_are_refused() -> None:
    peer = Peer(App())
    await peer.send(REQUEST)
    for _ in range(HEADERS_BYTES_MAX // 1_000):
        await peer.send(b"\r\n" * 500)
    assert peer.statuses == [200]
    await peer.send(b"\r\n" * 500)
    assert peer.statuses == [200, 431]


async def test_a_second_request_has_its_own_time_and_is_refused_behind_the_first() -> None:
    app = App(waits=True)
    peer = Peer(app)
    await peer.send(REQUEST + REQUEST[:5])
    assert peer.clocks() == []
    app.may_answer.set()
    await peer.settle()
    assert peer.clocks() == [HEADERS_S_MAX]
    await peer.let_time_pass()
    assert peer.statuses == [200, 408]


async def test_what_is_no_request_is_refused_behind_the_answer_to_the_first() -> None:
    app = App(waits=True)
    peer = Peer(app)
    await peer.send(REQUEST + b"\0\0\r\n\r\n" + REQUEST)
    assert peer.wire.written == b""
    app.may_answer.set()
    await peer.settle()
    assert peer.statuses == [200, 400]
    assert app.requests == 1


async def test_large_headers_within_the_limit_are_served_in_one_piece_with_a_body() -> None:
    app = App(reads=True)
    peer = Peer(app)
    head = POST + b"A: " + b"a" * (HEADERS_BYTES_MAX - 200) + b"\r\nContent-Length: 190000\r\n\r\n"
    await peer.send(head + bytes(190_000))
    assert peer.statuses == [200]
    assert len(app.messages[-1]["body"]) == 190_000


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nA: ", b"GET / HTTP/1.1\r\n"])
async def test_headers_without_end_are_refused(start: bytes) -> None:
    app = App()
    peer = Peer(app)
    await peer.send(start)
    line = b"A: b\r\n" * 20 if start.endswith(b"\n") else b"a" * 1_200
    sent = 0
    while not peer.wire.calls:
        await peer.send(line)
        sent += len(line)
        assert sent < 2 * HEADERS_BYTES_MAX
    assert peer.statuses == [431]
    assert code_of(peer) == "headers_too_large"
    assert app.requests == 0


@pytest.mark.parametrize("data", [b"GARBAGE\r\n\r\n", b"\0\xff\xfe", b"\x16\x03\x01\x02\0\x01\0"])
async def test_a_stranger_cannot_fill_the_log(caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    peer = Peer(App())
    await peer.send(data)
    assert caplog.records == []
    assert peer.statuses == [400]
    assert code_of(peer) == "bad_request"


async def test_a_body_whose_chunks_break_is_refused_and_never_whole() -> None:
    app = App(reads=True)
    peer = Peer(app)
    await peer.send(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    assert peer.wire.written == b""
    await peer.send(b"zz\r\n" + REQUEST)
    assert peer.statuses == [400]
    assert [message["type"] for message in app.messages] == ["http.request", "http.disconnect"]
    assert app.requests == 1


async def test_the_rest_of_a_short_body_is_thrown_away_and_the_connection_goes_on() -> None:
    app = App()
    peer = Peer(app)
    await peer.send(POST + b"Content-Length: %d\r\n\r\n" % UNREAD_BYTES_MAX)
    assert peer.statuses == [200]
    assert peer.clocks() == [UNREAD_S_MAX]
    body = REQUEST * (UNREAD_BYTES_MAX // len(REQUEST))
    await peer.send(body)
    assert app.requests == 1
    await peer.send(bytes(UNREAD_BYTES_MAX - len(body)) + REQUEST)
    assert app.requests == 2
    assert peer.statuses == [200, 200]
    assert peer.clocks() == [IDLE_S_MAX]


async def test_the_rest_of_a_short_body_is_not_awaited_for_ever() -> None:
    peer = Peer(App())
    await peer.send(POST + b"Content-Length: 5\r\n\r\n")
    await peer.send(b"1234")
    await peer.let_time_pass()
    assert peer.wire.calls == ["close"]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: %d\r\n" % (UNREAD_BYTES_MAX + 1),
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\nContent-Length: 5\r\n",
        b"Connection: close\r\nContent-Length: 5\r\n",
    ],
)
async def test_a_connection_ends_when_what_follows_could_be_body_or_request(headers: bytes) -> None:
    app = App()
    peer = Peer(app)
    await peer.send(POST + headers + b"\r\n")
    assert b"connection: close\r\n" in peer.wire.written
    assert peer.wire.calls == ["write_eof"]
    await peer.send(REQUEST * 100)
    assert app.requests == 1
    assert peer.statuses == [200]
    assert peer.clocks() == [LINGER_S_MAX]
    await peer.let_time_pass()
    assert peer.wire.calls == ["write_eof", "abort"]


async def test_a_client_that_waits_for_it_is_told_to_go_on_once() -> None:
    app = App(reads=True)
    peer = Peer(app)
    await peer.send(POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert peer.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    await peer.send(b"ab")
    await peer.send(b"cd")
    assert peer.wire.written.count(b"100 Continue") == 1
    assert peer.statuses == [200]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_client_that_does_not_wait_is_not_told_to_go_on(version: bytes) -> None:
    peer = Peer(App(reads=True))
    line = b"POST /v1/count HTTP/" + version + b"\r\nHost: x\r\nExpect: 100-continue\r\n"
    whole = line + b"Content-Length: 2\r\n\r\n"
    await peer.send(whole + b"{}" if version == b"1.1" else whole)
    if version == b"1.0":
        await peer.send(b"{}")
    assert b"100 Continue" not in peer.wire.written
    assert peer.statuses == [200]


async def test_a_client_that_sends_more_than_is_read_waits() -> None:
    app = App(waits=True)
    peer = Peer(app)
    await peer.send(POST + b"Content-Length: 1000000\r\n\r\n" + bytes(100_000))
    assert peer.wire.is_paused
    app.may_answer.set()
    await peer.settle()
    assert not peer.wire.is_paused, "what still comes must be thrown away"


async def test_requests_that_wait_are_bounded() -> None:
    app = App()
    peer = Peer(app)
    await peer.send(REQUEST * 1_000)
    assert app.requests == PIPELINED_MAX + 1
    assert peer.statuses == [200] * (PIPELINED_MAX + 1) + [400]


async def test_a_client_that_goes_is_noticed() -> None:
    app = App(reads=True)
    peer = Peer(app)
    await peer.send(POST + b"Content-Length: 5\r\n\r\n12")
    await peer.hang_up()
    assert app.messages[-1]["type"] == "http.disconnect"
    assert peer.wire.written == b""
    assert peer.clocks() == []


async def test_what_was_asked_for_ends_when_the_client_goes_away() -> None:
    ended = []

    async def work(scope: Any, receive: Any, send: Any) -> None:
        try:
            with scope[GONE]():
                await anyio.sleep_forever()
        except Cancelled:
            ended.append(scope["path"])

    peer = Peer(work)
    await peer.send(REQUEST)
    await peer.hang_up()
    assert ended == ["/health"]


async def test_an_application_that_fails_half_way_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        raise KeyError("a bug")

    peer = Peer(fails)
    await peer.send(REQUEST)
    assert peer.wire.calls == ["abort"]
    assert "a bug" in caplog.text


async def test_no_header_of_an_answer_can_begin_another() -> None:
    async def splits(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"0"), (b"a", b"b\r\nc: d")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    peer = Peer(splits)
    await peer.send(REQUEST)
    assert peer.wire.written == b""
    assert peer.wire.calls == ["abort"]


async def test_a_stopping_server_ends_idle_connections_and_those_under_way_with_their_answer() -> None:
    app = App(waits=True)
    peer, idle = Peer(app), Peer(App())
    await idle.send(REQUEST)
    idle.connection.shutdown()
    assert idle.wire.calls == ["close"]
    await peer.send(REQUEST * 2)
    peer.connection.shutdown()
    assert peer.wire.calls == []
    app.may_answer.set()
    await peer.settle()
    assert peer.statuses == [200]
    assert b"connection: close\r\n" in peer.wire.written
    assert app.requests == 1


async def test_a_stopping_server_waits_less_for_who_still_sends() -> None:
    app = App(waits=True)
    peer = Peer(app)
    await peer.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
    peer.connection.shutdown()
    app.may_answer.set()
    await peer.settle()
    assert peer.statuses == [200]
    assert peer.clocks() == [STOPPING_BODY_S_MAX]
    await peer.let_time_pass()
    assert peer.wire.calls == ["write_eof", "abort"]


async def test_strangers_do_not_keep_out_who_comes_after_them() -> None:
    crowd = Crowd(4)
    strangers = [Peer(App(), crowd) for _ in range(10)]
    for stranger in strangers[:-2]:
        assert stranger.wire.calls == ["close"]
    assert [stranger.wire.calls for stranger in strangers[-2:]] == [[], []]
