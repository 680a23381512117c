"""Answers that are not quite HTTP as it should be: none is ever taken for the answer to another request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from asteroid_cloud.client import AsteroidError, ConnectionFailed, UnexpectedAnswer
from tests.support.clients import KINDS, client_of
from tests.support.raw_server import RawServer, answer

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("kind", KINDS)]


def payload(number: int) -> bytes:
    return answer(json.dumps({"n": number}).encode())


async def asked(kind: str, server: RawServer, times: int) -> list[Any]:
    """The answers to that many calls, or their errors."""
    client, found = client_of(kind, server.url, timeout=5.0), list[Any]()
    for number in range(times):
        try:
            found.append((await client.get_payload(number))["n"])
        except AsteroidError as error:
            found.append(type(error).__name__)
    await client.aclose()
    return found


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50,
    ],
)
async def test_interim_answers_are_skipped(kind: str, interim: bytes) -> None:
    """Attack 17: each call got the answer of the call before."""
    with RawServer(*(interim + payload(number) for number in range(4))) as server:
        assert await asked(kind, server, 4) == [0, 1, 2, 3]
        assert {connection for connection, _ in server.requests} == {0}


async def test_a_connection_with_more_than_the_answer_is_not_used_again(kind: str) -> None:
    with RawServer(payload(0) + payload(99), payload(1), payload(2)) as server:
        assert await asked(kind, server, 3) == [0, 1, 2]
        assert [connection for connection, _ in server.requests] == [0, 1, 1]


async def test_an_idle_connection_over_which_an_answer_comes_is_not_used_again(kind: str) -> None:
    """The answer that nobody had asked for was given to the next call of an AsyncClient."""
    with RawServer(payload(0), payload(1)) as server:
        client = client_of(kind, server.url)
        assert await client.get_payload(0) == {"n": 0}
        server.push(payload(99))
        for _ in range(3):
            await asyncio.sleep(0)
        assert await client.get_payload(1) == {"n": 1}
        await client.aclose()


async def test_a_switch_of_protocols_ends_the_connection(kind: str) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    with RawServer(switch, payload(1)) as server:
        assert await asked(kind, server, 2) == ["UnexpectedAnswer", 1]
        assert [connection for connection, _ in server.requests] == [0, 1]


async def test_an_answer_that_is_not_http_ends_the_connection(kind: str) -> None:
    with RawServer(b"220 smtp.example ready\r\n", payload(0), payload(1)) as server:
        assert await asked(kind, server, 2) == [0, 1]  # a read, so it was sent again
        assert [connection for connection, _ in server.requests] == [0, 1, 1]


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nX-Asteroid-LSN: 7\r\nContent-Length: 7\r\n",
        b"HTTP/1.1 204 No Content\r\nX-Asteroid-LSN: 7\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: <",
    ],
)
async def test_headers_that_are_cut_off_are_no_answer(kind: str, cut: bytes) -> None:
    """The standard library takes the end of the connection for the end of the headers."""
    with RawServer(cut, closes=True) as server:
        client = client_of(kind, server.url, timeout=5.0)
        with pytest.raises(ConnectionFailed) as caught:
            await client.delete(1)
        assert caught.value.sent is True
        await client.aclose()


@pytest.mark.parametrize("length", ["99999999999999999999", "999999999999999", "-5", "x", "0_2", "2, 2"])
async def test_a_length_that_cannot_be_is_no_answer(kind: str, length: str) -> None:
    bad = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{{}}".encode()
    with RawServer(*[bad] * 20, closes=True) as server:
        client = client_of(kind, server.url, timeout=5.0)
        with pytest.raises(ConnectionFailed):
            await client.get_payload(1)
        await client.aclose()


async def test_a_success_without_an_lsn_is_not_the_answer_to_a_write(kind: str) -> None:
    with RawServer(answer(b""), answer(b"{}"), answer(b"<a/>"), answer(b"", "204 No Content")) as server:
        client = client_of(kind, server.url, timeout=5.0)
        for call in (client.delete(1), client.insert(1, [1.0]), client.set_payload(1, {}), client.untag("t")):
            with pytest.raises(UnexpectedAnswer):
                await call
        await client.aclose()
