"""A real server, a faulty one before it, and both clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from asteroid_cloud.client import Client
from ops.forked_server import ForkedServer
from ops.server import Server
from tests.support.clients import KEY, KINDS, Connect, client_of
from tests.support.faulty_server import FaultyServer


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``asteroid serve``, one for all tests of the client."""
    folder = tmp_path_factory.mktemp("server")
    with ForkedServer(folder / "data", "--api-key", KEY, "--backup-dir", str(folder / "backups")) as server:
        yield server


@pytest.fixture
def asteroid(started: Server) -> Server:
    """The real server, without an index, collections and tags."""
    with Client(KEY, started.url) as client:
        client.delete_index()
        for collection in client.collections():
            client.delete_collection(collection.name)
        for alias in client.aliases():
            client.delete_alias(alias)
        for tag in client.tags():
            client.untag(tag.name)
    return started


@pytest.fixture
def server(asteroid: Server) -> Iterator[FaultyServer]:
    """A server that passes everything on to the real one, until it is told otherwise."""
    with FaultyServer(asteroid.url) as running:
        yield running


@pytest.fixture(params=KINDS)
async def connect(request: pytest.FixtureRequest, asteroid: Server) -> AsyncIterator[Connect]:
    """Makes clients of the faulty server if the test has one, else of the real; closes them at the end."""
    has_faults = "server" in request.fixturenames
    url = request.getfixturevalue("server").url if has_faults else asteroid.url
    made: list[Any] = []

    def make(**options: Any) -> Any:
        made.append(client_of(request.param, options.pop("base_url", url), **options))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(connect: Connect) -> Any:
    """A client, asynchronous or made to look so."""
    return connect()
