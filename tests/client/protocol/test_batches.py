"""insert_batch: lazy, bounded, exact about what was stored when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from asteroid_cloud.client import AsteroidError, AsyncClient, Counted, InternalError, InvalidRequest
from asteroid_cloud.client.protocol import batches as module
from asteroid_cloud.client.protocol.batches import encode_chunks
from tests.support.clients import KEY
from tests.support.faulty_server import FaultyServer, refuse

pytestmark = pytest.mark.anyio


async def filled(client: Any) -> list[int]:
    """The ids that are stored."""
    return [row.id async for row in client.scroll()]


def sizes(server: FaultyServer) -> list[int]:
    return [len(seen.body["items"]) for seen in server.seen if seen.path == "/v1/vectors/batch"]


def items(count: int) -> Iterator[tuple[int, list[float]]]:
    return ((id, [float(id), 0.5]) for id in range(count))


async def test_total_and_chunks(client: Any, server: FaultyServer) -> None:
    created = await client.create_index(2)
    total: Counted = await client.insert_batch(items(2500))
    assert (total.count, total.lsn) == (2500, created.lsn + 3)
    assert isinstance(total, int)
    assert total == 2500
    assert sizes(server) == [1000, 1000, 500]
    assert await filled(client) == list(range(2500))


async def test_all_kinds_of_items(client: Any, server: FaultyServer) -> None:
    await client.create_index(3)
    rows = np.eye(3, dtype=np.float32)
    given: list[Any] = [(1, rows[0], {"a": 1}), (np.uint64(2), [0, 1, 0]), [3, (0, 0, 1), None]]
    assert await client.insert_batch(given, chunk_size=2) == 3
    assert "metadata" not in server.seen[-1].body["items"][0]
    assert await client.get_payload(1) == {"a": 1}
    for id in (1, 2, 3):
        assert (await client.get(id)).vector == pytest.approx(rows[id - 1], abs=0.01)
    assert await client.insert_batch([]) == 0
    assert await client.insert_batch(zip([7, 8, 9], rows, strict=True)) == 3


async def test_items_are_taken_lazily(client: Any, server: FaultyServer) -> None:
    taken = 0

    def endless() -> Iterator[tuple[int, list[float]]]:
        nonlocal taken
        for id in range(10**9):
            taken += 1
            yield id, [1.0]

    server.script.append(refuse(500, "internal"))
    with pytest.raises(InternalError):
        await client.insert_batch(endless(), chunk_size=10)
    assert taken <= 20


async def test_chunk_size_is_checked(client: Any) -> None:
    for size in (0, -1, 10_001):
        with pytest.raises(ValueError, match="chunk_size"):
            await client.insert_batch([], chunk_size=size)


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ((-1, [1.0]), 24),
        ((1, ["x"]), 24),
        ((1, [float("nan")]), 24),
        ((1, [1.0], [2]), 24),
        ((1,), 24),
        ((1, [1.0], {}, {}), 24),
        (5, 24),
    ],
)
async def test_a_bad_item_found_here_is_named(client: Any, bad: Any, place: int) -> None:
    await client.create_index(1)
    given: list[Any] = [(id, [1.0]) for id in range(place)]
    with pytest.raises(InvalidRequest) as caught:
        await client.insert_batch([*given, bad], chunk_size=10)
    assert caught.value.code == "bad_item"
    assert caught.value.details == {"index": 24, "inserted": 20}
    assert "item 24" in caught.value.message
    assert await client.count() == 20


async def test_a_bad_item_found_there_is_named(client: Any) -> None:
    await client.create_index(1)
    given = [(id, [1.0]) for id in range(30)]
    given[24] = (24, [1.0, 2.0])  # only the server knows which length is right
    with pytest.raises(InvalidRequest) as caught:
        await client.insert_batch(given, chunk_size=10)
    assert (caught.value.code, caught.value.status) == ("bad_item", 400)
    assert caught.value.details == {"index": 24, "inserted": 20, "reason": "wrong_dim"}


async def test_a_failure_midway_says_where_to_go_on(client: Any, server: FaultyServer) -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        server.script.append(refuse(500, "internal", inserted=3, failed_index=3))
        return await server.forward(request)

    await client.create_index(2)
    server.script.append(fail)
    with pytest.raises(AsteroidError) as caught:
        await client.insert_batch(items(30), chunk_size=10)
    assert caught.value.details == {"inserted": 13, "failed_index": 13}


async def test_parallel_chunks_are_under_way_together(client: Any, server: FaultyServer) -> None:
    together = 0
    most = 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal together, most
        together += 1
        most = max(most, together)
        if most == 3:
            server.release.set()
        await asyncio.get_running_loop().run_in_executor(None, server.release.wait, 10)
        together -= 1
        return await server.forward(request)

    await client.create_index(2)
    server.script.extend([count] * 9)
    assert await client.insert_batch(items(90), chunk_size=10, parallel=3) == 90
    assert most == 3
    assert await filled(client) == list(range(90))
    for wrong in (0, 65):
        with pytest.raises(InvalidRequest):
            await client.insert_batch([], parallel=wrong)


async def test_parallel_failure_waits_for_the_others(client: Any, server: FaultyServer) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().run_in_executor(None, server.release.wait, 10)
        return await server.forward(request)

    async def fail(request: web.Request) -> web.StreamResponse:
        server.release.set()
        return await refuse(500, "internal")(request)

    await client.create_index(2)
    server.script.extend([slow, fail])
    with pytest.raises(InternalError) as caught:
        await client.insert_batch(items(1000), chunk_size=10, parallel=2)
    stored = await client.count()
    assert caught.value.details["inserted"] == stored
    assert stored < 50


async def test_async_items(server: FaultyServer) -> None:
    async def supply() -> AsyncIterator[tuple[int, list[float]]]:
        for item in items(25):
            yield item

    async with AsyncClient(KEY, server.url) as client:
        await client.create_index(2)
        assert await client.insert_batch(supply(), chunk_size=10) == 25
    assert sizes(server) == [10, 10, 5]


async def test_an_error_of_the_supply_passes_through(client: Any) -> None:
    def broken() -> Iterator[tuple[int, list[float]]]:
        yield from items(15)
        raise KeyError("mine")

    await client.create_index(2)
    with pytest.raises(KeyError, match="mine"):
        await client.insert_batch(broken(), chunk_size=10)
    assert await client.count() in (0, 10)  # what was under way may have arrived


def test_large_metadata_makes_smaller_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES_MAX", 5000)
    given = [(id, [1.0], {"text": "x" * 1000}) for id in range(20)]
    chunks = encode_chunks(given, 100)
    assert all(len(chunk.body) <= 5000 for chunk in chunks)
    assert [chunk.first for chunk in chunks] == [
        100 + sum(c.items for c in chunks[:n]) for n in range(len(chunks))
    ]
    assert sum(chunk.items for chunk in chunks) == 20
    assert len(encode_chunks([(1, [1.0], {"text": "x" * 9000})], 0)) == 1  # one item cannot be cut
