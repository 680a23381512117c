"""Both clients behind one interface, so that each test runs with both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing
from typing import Any

from asteroid_cloud.client import AsyncClient, Client, Collection, RetryPolicy

KEY = "sk-of-all-the-tests"
QUICK = RetryPolicy(attempts_max=4, first_pause_s=0.001, pause_s_max=0.002)
KINDS = ("async", "blocking")

Connect = Callable[..., Any]


class Awaited:
    """A blocking client whose calls run in a thread, so that tests can await them."""

    def __init__(self, client: Client | Collection) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, "close" if name == "aclose" else name)
        if name == "collection":
            return lambda *args: Awaited(method(*args))
        if name in ("scroll", "changes"):
            return lambda *args, **options: self.walk(method(*args, **options))

        async def call(*args: object, **options: object) -> object:
            return await asyncio.to_thread(method, *args, **options)

        return call

    async def walk(self, supply: Generator[object, None, None]) -> AsyncIterator[object]:
        """The items of a blocking iteration."""
        nothing = object()
        with closing(supply):
            while (value := await asyncio.to_thread(next, supply, nothing)) is not nothing:
                yield value


def client_of(kind: str, url: str, **options: Any) -> Any:
    """The asynchronous client, or the blocking one wrapped to look like it; both retry quickly."""
    settings: dict[str, Any] = {"api_key": KEY, "base_url": url, "timeout": 10.0, "retries": QUICK} | options
    return AsyncClient(**settings) if kind == "async" else Awaited(Client(**settings))
