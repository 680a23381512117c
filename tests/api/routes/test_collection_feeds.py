"""What lasts ends when its collection is deleted, or when the alias that it goes through moves (§7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.server import Server

pytestmark = pytest.mark.anyio


class Feed:
    """A change feed that is read while other calls are made."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self._client = client
        self._path = path
        self.lines: list[Any] = []

    async def read(self) -> None:
        """All lines, until the feed ends."""
        query = {"follow": "true", "heartbeat": "1"}
        async with self._client.stream("GET", self._path, params=query, timeout=60) as answer:
            async for line in answer.aiter_lines():
                self.lines.append(httpx.Response(200, text=line).json())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server, as the one of other tests gives streams as a whole."""
    with Server(tmp_path / "data") as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            yield client


async def follow(client: httpx.AsyncClient, name: str) -> tuple[Feed, asyncio.Task[None]]:
    """A feed that has told its first change."""
    feed = Feed(client, f"/v1/collections/{name}/changes")
    task = asyncio.create_task(feed.read())
    while not feed.lines:
        assert not task.done()
        await asyncio.sleep(0.01)
    return feed, task


async def test_a_feed_ends_when_its_alias_moves_and_others_go_on(served: httpx.AsyncClient) -> None:
    for name in ("v1", "v2"):
        await served.put(f"/v1/collections/{name}", json={"dim": 2})
    await served.put("/v1/aliases/live", json={"collection": "v1"})
    moved, over = await follow(served, "live")
    stays, running = await follow(served, "v1")
    assert (await served.put("/v1/aliases/live", json={"collection": "v1"})).status_code == 200
    await served.post("/v1/collections/v1/vectors", json={"id": 1, "vector": [1, 0]})
    while len(moved.lines) < 2:
        await asyncio.sleep(0.01)
    assert not over.done(), "it leads where it led"
    await served.put("/v1/aliases/live", json={"collection": "v2"})
    await asyncio.wait_for(over, 30)
    assert moved.lines[-1]["code"] == "alias_moved"
    assert not running.done()
    await served.delete("/v1/aliases/live")
    await served.post("/v1/collections/v1/vectors", json={"id": 2, "vector": [1, 0]})
    while not any(line.get("ids") == [2] for line in stays.lines):
        await asyncio.sleep(0.01)
    running.cancel()


async def test_a_feed_ends_with_its_collection_and_says_so(served: httpx.AsyncClient) -> None:
    await served.put("/v1/collections/v1", json={"dim": 2})
    feed, over = await follow(served, "v1")
    assert (await served.delete("/v1/collections/v1")).json() == {"deleted": True}
    await asyncio.wait_for(over, 30)
    assert feed.lines[-1]["code"] == "no_collection"
    assert (await served.get("/health")).status_code == 200


async def test_a_feed_of_default_goes_on_beside_all_this(served: httpx.AsyncClient) -> None:
    await served.put("/v1/index", json={"dim": 2})
    await served.put("/v1/aliases/live", json={"collection": "default"})
    feed, over = await follow(served, "live")
    assert feed.lines[0]["kind"] == "create_index"
    await served.delete("/v1/aliases/live")
    await asyncio.wait_for(over, 30)
    assert feed.lines[-1]["code"] == "alias_moved"


async def test_calls_under_way_end_when_their_collection_is_deleted(served: httpx.AsyncClient) -> None:
    await served.put("/v1/collections/v1", json={"dim": 2})
    rows = [{"id": id, "vector": [id, 1]} for id in range(2_000)]
    await served.post("/v1/collections/v1/vectors/batch", json={"items": rows})

    async def search() -> set[tuple[int, str]]:
        seen = set()
        while True:
            answer = await served.post("/v1/collections/v1/search", json={"vector": [0, 1], "exact": True})
            told = answer.json()
            seen.add((answer.status_code, told.get("code", "")))
            if answer.status_code != 200:
                return seen
            assert len(told["results"]) == 10

    running = [asyncio.create_task(search()) for _ in range(4)]
    await asyncio.sleep(0)
    assert (await served.delete("/v1/collections/v1")).json() == {"deleted": True}
    for seen in await asyncio.gather(*running):
        assert seen - {(200, "")} == {(404, "no_collection")}


async def test_uploads_under_way_end_when_their_collection_is_deleted(served: httpx.AsyncClient) -> None:
    await served.put("/v1/collections/v1", json={"dim": 2})
    await served.put("/v1/aliases/live", json={"collection": "v1"})
    await served.put("/v1/collections/v2", json={"dim": 2})
    is_sent, is_deleted = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(8 * 500)
        is_sent.set()
        await is_deleted.wait()
        yield bytes(8 * 500)

    async def load() -> httpx.Response:
        head = {"X-Asteroid-N": "1000", "X-Asteroid-Dim": "2", "Content-Type": "application/octet-stream"}
        return await served.post("/v1/collections/live/build/bulk", content=body(), headers=head)

    loading = asyncio.create_task(load())
    await is_sent.wait()
    await served.put("/v1/aliases/live", json={"collection": "v2"})
    assert (await served.delete("/v1/collections/v1")).json() == {"deleted": True}
    is_deleted.set()
    answer = await asyncio.wait_for(loading, 30)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_collection")
    for name in ("live", "v2"):
        stats = (await served.get(f"/v1/collections/{name}/stats")).json()
        assert stats["vectors"] == 0
    assert stats["memory"]["bulk_loads"] == 0
