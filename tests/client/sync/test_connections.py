"""Keep-alive, limits, deadlines and closing, on both clients."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from asteroid_cloud.client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
)
from asteroid_cloud.client.sync.connections import Pool
from tests.support.clients import KEY, QUICK, Connect
from tests.support.faulty_server import FaultyServer, hang_up

pytestmark = pytest.mark.anyio


def pool_of(client: Client) -> Pool:
    return client._transport._pool


async def test_one_connection_serves_many_calls(client: Any, server: FaultyServer) -> None:
    await client.create_index(2)
    await client.insert(1, [1, 2])
    await client.delete(1)
    await client.search([1, 2])
    with pytest.raises(InvalidRequest):
        await client.get(-1)
    assert await client.count() == 0
    assert len({id(seen.connection) for seen in server.seen}) == 1


async def test_at_most_so_many_connections(connect: Connect, server: FaultyServer) -> None:
    client = connect(connections=3)
    await client.create_index(1)
    await asyncio.gather(*(client.count() for _ in range(40)))
    assert len({id(seen.connection) for seen in server.seen}) <= 3


async def test_a_connection_closed_while_idle_is_replaced(client: Any, server: FaultyServer) -> None:
    await client.get_index()
    server.cut(server.seen[-1])
    await client.get_index()
    assert len({id(seen.connection) for seen in server.seen}) == 2


async def test_no_answer_in_time(connect: Connect, server: FaultyServer) -> None:
    async def sleep(request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().run_in_executor(None, server.release.wait)
        return web.Response()

    server.script.append(sleep)
    with pytest.raises(DeadlineExceeded) as caught:
        await connect(timeout=0.2).get_index()
    server.release.set()
    assert caught.value.code == "deadline_exceeded"
    assert isinstance(caught.value, ConnectionFailed)
    assert len(server.seen) == 1  # the limit is one of the whole call: nothing is sent again


@contextmanager
def dripping() -> Iterator[str]:
    """A server that sends its answer one byte at a time, for as long as the client listens."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not stop.wait(0.01):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        thread.join(10)


async def test_a_dripping_answer_does_not_outlast_the_deadline(connect: Connect) -> None:
    with dripping() as url, pytest.raises(DeadlineExceeded):
        await connect(base_url=url, timeout=0.3).get_index()


async def test_busy_connections_do_not_outlast_the_deadline(connect: Connect) -> None:
    """A feed has the only connection for as long as somebody follows it."""
    made = await connect().create_index(2)
    client = connect(timeout=1.5, connections=1)
    feed = client.changes(made.lsn - 1)
    assert (await anext(feed)).kind == "create_index"
    with pytest.raises(DeadlineExceeded):
        await client.get_index()
    await feed.aclose()
    assert (await client.get_index()).initialized


async def test_closing(client: Any, server: FaultyServer) -> None:
    await client.get_index()
    await client.aclose()
    await client.aclose()
    with pytest.raises(InvalidRequest) as caught:
        await client.get_index()
    assert caught.value.code == "client_closed"
    assert len(server.seen) == 1


async def test_async_context_manager(server: FaultyServer) -> None:
    async with AsyncClient(KEY, server.url) as client:
        assert await client.health()
    with pytest.raises(InvalidRequest):
        await client.stats()
    async with AsyncClient(KEY, server.url):
        pass  # never used: nothing to close, nothing to warn about


def test_blocking_context_manager(server: FaultyServer) -> None:
    with Client(KEY, server.url) as client:
        assert client.health()
        assert len(pool_of(client)._idle) == 1
    assert len(pool_of(client)._idle) == 0
    with pytest.raises(InvalidRequest):
        client.stats()


def test_a_client_closed_during_a_call_keeps_no_connection(server: FaultyServer) -> None:
    with Client(KEY, server.url) as client:

        async def close(request: web.Request) -> web.StreamResponse:
            client.close()
            return web.json_response({"initialized": False})

        server.script.append(close)
        assert client.get_index().initialized is False
        assert len(pool_of(client)._idle) == 0


def test_threads_share_a_client(server: FaultyServer) -> None:
    with Client(KEY, server.url, connections=4) as client, ThreadPoolExecutor(8) as threads:
        client.create_index(1)
        list(threads.map(lambda id: client.insert(id, [id]), range(100)))
        assert client.count() == 100
        assert len(pool_of(client)._idle) <= 4


def test_connections_are_sent_without_delay(server: FaultyServer) -> None:
    with Client(KEY, server.url) as client:
        client.health()
        connection = pool_of(client)._idle[0]
        assert connection.sock is not None
        assert connection.sock.plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_old_connection_is_not_used_again(server: FaultyServer) -> None:
    with Client(KEY, server.url) as client:
        client.health()
        pool_of(client)._idle[0].idle_since -= 60
        client.health()
        assert len({id(seen.connection) for seen in server.seen}) == 2


async def test_an_answer_that_asks_to_close(client: Any, server: FaultyServer) -> None:
    async def last(request: web.Request) -> web.StreamResponse:
        response = web.json_response({"initialized": False})
        response.force_close()
        return response

    server.script.append(last)
    assert (await client.get_index()).initialized is False
    assert (await client.get_index()).initialized is False
    assert len({id(seen.connection) for seen in server.seen}) == 2


async def test_no_redirect_is_followed(client: Any, server: FaultyServer) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/v1/stats")

    server.script.append(elsewhere)
    with pytest.raises(Exception, match="302"):
        await client.get_index()
    assert len(server.seen) == 1


async def test_a_cancelled_call_leaves_the_client_usable(server: FaultyServer) -> None:
    async def sleep(request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().run_in_executor(None, server.release.wait)
        return web.Response()

    async with AsyncClient(KEY, server.url, connections=1, retries=QUICK) as client:
        server.script.append(sleep)
        task = asyncio.create_task(client.get_index())
        while not server.seen:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.script.append(hang_up)
        assert (await client.get_index()).initialized is False
