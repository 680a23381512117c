"""Lists of ids, scores and chosen fields through both clients, in ``default`` and in a named collection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import InvalidRequest, Search, TooLarge

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["default", "named"])
async def index(request: pytest.FixtureRequest, client: Any) -> Any:
    """Ten rows on a line; in the other index stands none of them."""
    await client.create_index(2)
    named = request.param == "named"
    if named:
        await client.create_collection("books", 2)
        await client.set_alias("shelf", "books")
    found = client.collection("shelf") if named else client
    await found.insert_batch(
        [(id, [float(id), 0.0], {"n": id, "in": {"a": id, "b": 0}, "big": "x"}) for id in range(10)]
    )
    return found


async def test_only_the_ids_of_a_list_are_found(index: Any) -> None:
    found = await index.search([0, 0], ids=[3, np.uint64(1), "7", 55, 3])
    assert [hit.id for hit in found] == [1, 3, 7]
    assert await index.search([0, 0], ids=[]) == []
    some = await index.search([0, 0], ids=(id for id in (1, 2, 3)), filter={"n": {"$gte": 2}})
    assert [hit.id for hit in some] == [2, 3]
    searches = [[0, 0], Search([9, 0], ids=[2, 4], k=1), np.array([9, 0])]
    lists = await index.search_batch(searches, ids=iter([0, 5]))
    assert [[hit.id for hit in hits] for hits in lists] == [[0, 5], [4], [5, 0]]
    with pytest.raises(InvalidRequest) as caught:
        await index.search([0, 0], ids=[-1])
    assert caught.value.code == "bad_id"
    with pytest.raises(TooLarge):
        await index.search([0, 0], ids=range(10_001))


async def test_scores_and_their_floor(index: Any) -> None:
    hits = await index.search([0, 0], k=3, include=["score"])
    assert [hit.score for hit in hits] == [1 / (1 + hit.distance) for hit in hits]
    assert hits[0]["score"] == 1.0
    assert (await index.search([0, 0]))[0].score is None
    floor = hits[1].score
    assert [hit.id for hit in await index.search([0, 0], min_score=floor)] == [0, 1]
    lists = await index.search_batch([[0, 0], Search([0, 0], min_score=0.9)], min_score=np.float64(floor))
    assert [len(hits) for hits in lists] == [2, 1]


async def test_chosen_fields(index: Any) -> None:
    wanted = {"n": 3, "in": {"a": 3}}
    (hit,) = await index.search([3, 0], k=1, fields=["n", "in.a", "gone"])
    assert hit.payload == wanted
    ((hit,),) = await index.search_batch([[3, 0]], k=1, fields=("n", "in.a"))
    assert hit.payload == wanted
    (row,) = await index.fetch([3], fields=["n", "in.a"])
    assert row.payload == wanted
    rows = [row async for row in index.scroll({"n": 3}, fields=["n", "in.a"])]
    assert [row.payload for row in rows] == [wanted]
    with pytest.raises(InvalidRequest) as caught:
        await index.fetch([3], fields=[""])
    assert caught.value.code == "bad_fields"
