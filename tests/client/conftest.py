"""The fake server, and both clients behind one face so that each test runs on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from asteroid_cloud.client import AsyncClient, Client, RetryPolicy
from tests.support.fake_server import KEY, FakeServer

QUICK = RetryPolicy(attempts_max=4, first_pause_s=0.001, pause_s_max=0.002)


class Awaited:
    """A blocking client whose calls run in a thread, so that tests can await them."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, "close" if name == "aclose" else name)
        if name == "scroll":
            return lambda *args, **options: self.walk(method(*args, **options))

        async def call(*args: object, **options: object) -> object:
            return await asyncio.to_thread(method, *args, **options)

        return call

    async def walk(self, rows: Iterator[object]) -> AsyncIterator[object]:
        """The rows of a blocking iteration."""
        nothing = object()
        while (row := await asyncio.to_thread(next, rows, nothing)) is not nothing:
            yield row


Connect = Callable[..., Any]


@pytest.fixture
def anyio_backend() -> str:
    """The asynchronous client needs asyncio."""
    return "asyncio"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A running fake server."""
    with FakeServer() as running:
        yield running


@pytest.fixture(params=["async", "blocking"])
async def connect(request: pytest.FixtureRequest, server: FakeServer) -> AsyncIterator[Connect]:
    """Makes clients of the fake server and closes them at the end."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        settings: dict[str, Any] = {
            "api_key": KEY,
            "base_url": server.url,
            "timeout": 10.0,
            "retries": QUICK,
        } | options
        client = AsyncClient(**settings) if request.param == "async" else Awaited(Client(**settings))
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(connect: Connect) -> Any:
    """A client of the fake server, asynchronous or made to look so."""
    return connect()
