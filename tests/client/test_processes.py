"""Clients, processes, event loops and copies: connections belong to whoever opened them."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from asteroid_cloud.client import AsyncClient, Client, InvalidRequest
from ops import forks
from ops.server import Server
from tests.support.clients import KEY, QUICK
from tests.support.faulty_server import FaultyServer

FORKS_WITH_THREADS = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
"""Newer versions of Python warn of what these tests do on purpose."""


@pytest.fixture
def filled(asteroid: Server) -> Server:
    """The real server with the ids that the processes ask for."""
    with Client(KEY, asteroid.url) as client:
        forks.fill(client)
    return asteroid


def in_child(work: Callable[[], object]) -> bool:
    """Whether the work went well in a forked child."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return forks.ended_well(child)


@FORKS_WITH_THREADS
def test_no_answer_of_another_process_after_forks_in_the_middle_of_traffic(
    filled: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 11 of operations: children got answers of other processes (31 of 160), and time-outs."""
    monkeypatch.setenv("ASTEROID_API_KEY", KEY)
    monkeypatch.setattr(forks, "fill", lambda client: None)
    forks.run(filled.url, 12)


@FORKS_WITH_THREADS
def test_a_child_does_not_close_what_its_parent_uses(filled: Server, server: FaultyServer) -> None:
    with Client(KEY, server.url) as client:
        forks.ask(client)

        def leave() -> None:
            client.close()
            with pytest.raises(InvalidRequest):
                client.get_index()

        assert in_child(leave)
        forks.ask(client)
        assert len({id(seen.connection) for seen in server.seen}) == 1


@FORKS_WITH_THREADS
def test_a_client_that_was_closed_is_closed_in_a_child(filled: Server) -> None:
    client = Client(KEY, filled.url)
    client.close()

    def use() -> None:
        with pytest.raises(InvalidRequest):
            client.get_index()

    assert in_child(use)


@FORKS_WITH_THREADS
def test_a_connection_ends_with_its_parent_although_a_child_lives_on(
    filled: Server, server: FaultyServer
) -> None:
    with Client(KEY, server.url) as client:
        forks.ask(client)
        goes_on, stop = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(goes_on, 1)
            os._exit(0)
        try:
            client.close()
            connection: Any = server.seen[0].connection
            while not connection.is_closing():
                pass  # the server sees the end: the test's own time limit is the bound
        finally:
            os.write(stop, b".")
            os.waitpid(child, 0)
            os.close(goes_on)
            os.close(stop)


@FORKS_WITH_THREADS
def test_a_feed_is_followed_by_parent_and_child_apart(filled: Server) -> None:
    with Client(KEY, filled.url) as client:
        first = client.get_index().lsn - 1
        feed = client.changes(first, limit=2)
        seen = next(feed).lsn

        def follow() -> None:
            assert [change.lsn for change in feed] == [seen + 1]

        client.insert(0, [0.0], {"id": 0})
        assert in_child(follow)
        assert [change.lsn for change in feed] == [seen + 1]


def test_an_async_client_works_in_a_second_event_loop(filled: Server) -> None:
    """Row 15: a raw RuntimeError for ever."""
    client = AsyncClient(KEY, filled.url)
    for _ in range(3):
        asyncio.run(forks.ask_at_once(client))
    asyncio.run(client.aclose())


def test_an_async_client_works_in_event_loops_of_many_threads(filled: Server) -> None:
    client = AsyncClient(KEY, filled.url)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: asyncio.run(forks.ask_at_once(client)), range(4)))
    asyncio.run(client.aclose())
    with pytest.raises(InvalidRequest) as caught:
        asyncio.run(client.get_index())
    assert caught.value.code == "client_closed"


def test_an_async_client_outside_of_asyncio_is_a_typed_error() -> None:
    call = AsyncClient(KEY, "http://127.0.0.1:1").get_index()
    with pytest.raises(InvalidRequest) as caught:
        call.send(None)
    assert caught.value.code == "no_event_loop"


COPIES: list[Callable[[Any], Any]] = [
    lambda client: pickle.loads(pickle.dumps(client)),
    copy.copy,
    copy.deepcopy,
]


@pytest.mark.parametrize("copied", COPIES, ids=["pickled", "copied", "deep-copied"])
def test_settings_of_a_client_travel_and_connections_do_not(
    filled: Server, server: FaultyServer, copied: Callable[[Any], Any]
) -> None:
    """Row 15: pickling failed on ``_thread.lock``."""
    with Client(KEY, server.url, 7.0, connections=3, retries=QUICK) as client:
        forks.ask(client, 1)
        with copied(client) as other:
            assert other._transport.settings == client._transport.settings
            forks.ask(other, 1)
            assert len({id(seen.connection) for seen in server.seen}) == 2
        forks.ask(client, 1)


@pytest.mark.parametrize("copied", COPIES, ids=["pickled", "copied", "deep-copied"])
def test_settings_of_an_async_client_travel_and_connections_do_not(
    filled: Server, copied: Callable[[Any], Any]
) -> None:
    async def use() -> None:
        async with AsyncClient(KEY, filled.url) as client:
            await forks.ask_at_once(client)
            async with copied(client) as other:
                await forks.ask_at_once(other)
            await forks.ask_at_once(client)

    asyncio.run(use())


def test_a_client_that_is_dropped_unclosed_warns(filled: Server) -> None:
    clients = [Client(KEY, filled.url)]
    forks.ask(clients[0], 1)
    with pytest.warns(ResourceWarning, match="unclosed client of http"):
        clients.clear()


def test_an_async_client_that_is_dropped_unclosed_warns_and_is_closed(
    filled: Server, server: FaultyServer
) -> None:
    async def use() -> None:
        clients = [AsyncClient(KEY, server.url)]
        await forks.ask_at_once(clients[0])
        with pytest.warns(ResourceWarning, match="unclosed client of http"):
            clients.clear()
        connections: list[Any] = [seen.connection for seen in server.seen]
        while not all(connection.is_closing() for connection in connections):
            await asyncio.sleep(0)

    asyncio.run(use())


def test_a_client_that_was_never_used_is_dropped_without_a_word(filled: Server) -> None:
    del filled
    for kind in (Client, AsyncClient):
        kind(KEY, "http://127.0.0.1:1")
    gc.collect()
