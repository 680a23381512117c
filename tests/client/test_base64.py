"""Vectors go as base64 to servers that say that they take it, and as lists of numbers to all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiohttp import web

from asteroid_cloud.client import InvalidRequest, Search
from tests.support.faulty_server import FaultyServer, Seen

pytestmark = pytest.mark.anyio

FORMS = "X-Asteroid-Vectors"
ROWS = np.random.default_rng(1).standard_normal((40, 8)).astype(np.float32)


def forms(seen: Seen) -> set[type]:
    """Of what types the vectors of a request are."""
    body = seen.body or {}
    holders = body.get("items") or body.get("searches") or [body]
    return {type(each["vector"]) for each in holders if each.get("vector") is not None}


def older(server: FaultyServer) -> None:
    """Makes the server behave as one that takes lists only, and says nothing of other forms."""

    async def refusing(request: web.Request) -> web.StreamResponse:
        server.script.append(refusing)
        if request.content_type == "application/json" and str in forms(server.seen[-1]):
            refusal = {"error": "a vector must be a list", "code": "bad_vector"}
            return web.json_response(refusal, status=400, headers={"X-Asteroid-Store": "any"})
        answer = await server.forward(request)
        answer.headers.popall(FORMS, None)
        return answer

    server.script.append(refusing)


async def test_base64_is_used_once_the_server_has_said_that_it_takes_it(
    client: Any, server: FaultyServer
) -> None:
    await client.create_index(8, "l2")
    await client.insert_batch([(id, row, {"id": id}) for id, row in enumerate(ROWS)], chunk_size=20)
    assert [forms(seen) for seen in server.seen if "batch" in seen.path] == [{str}, {str}]
    hits = await client.search(ROWS[3], k=2)
    assert forms(server.seen[-1]) == {str}
    assert (hits[0].id, hits[0].payload) == (3, None)
    lists = await client.search_batch([ROWS[4], Search(ROWS[5], ids=iter([5, 6])), Search(id=7)], k=1)
    assert forms(server.seen[-1]) == {str}
    assert [found[0].id for found in lists[:2]] == [4, 5]


async def test_what_is_stored_is_the_same_in_both_forms(client: Any, server: FaultyServer) -> None:
    older(server)
    await client.create_index(8, "l2")
    await client.insert_batch(enumerate(ROWS))
    assert forms(server.seen[-1]) == {list}
    as_lists = [await client.search(row, include=["vector"]) for row in ROWS[:5]]
    assert all(forms(seen) <= {list} for seen in server.seen)
    server.script.clear()
    await client.count()
    await client.insert_batch(enumerate(ROWS))
    assert forms(server.seen[-1]) == {str}
    assert [await client.search(row, include=["vector"]) for row in ROWS[:5]] == as_lists


async def test_a_server_that_is_replaced_by_an_older_one_gets_lists(
    client: Any, server: FaultyServer
) -> None:
    await client.create_index(8, "l2")
    for call in (
        lambda: client.search(ROWS[0], ids=iter([1, 2]), k=1),
        lambda: client.search_batch([ROWS[0], Search(ROWS[1], ids=iter([1]))], ids=iter([0])),
        lambda: client.insert_batch(enumerate(ROWS), chunk_size=40),
    ):
        server.script.clear()
        await client.count()
        older(server)
        before = len(server.seen)
        await call()
        assert [forms(seen) for seen in server.seen[before:]] == [{str}, {list}]
        await client.search(ROWS[0])
        assert forms(server.seen[-1]) == {list}
    assert await client.count() == 40


async def test_a_bad_vector_is_not_sent_again(client: Any, server: FaultyServer) -> None:
    await client.create_index(8, "l2")
    before = len(server.seen)
    for vector in ([1.0] * 7, []):
        with pytest.raises(InvalidRequest) as caught:
            await client.search(vector)
        assert caught.value.code == "wrong_dim"
    with pytest.raises(InvalidRequest) as caught:
        await client.insert_batch([(1, ROWS[0]), (2, [1.0])])
    assert caught.value.details["index"] == 1
    assert len(server.seen) == before + 3
