"""Searches by words through both clients."""

from __future__ import annotations

from typing import Any

import pytest

from asteroid_cloud.client import Conflict, InvalidRequest, Search

pytestmark = pytest.mark.anyio
FIELDS = {"title": {"language": "english"}}


async def test_an_index_is_defined_searched_and_removed(client: Any) -> None:
    await client.create_index(2)
    await client.insert_batch(
        [
            (id, [float(id), 0.0], {"title": title})
            for id, title in enumerate(["A dog", "Dogs and cats", "Birds"])
        ]
    )
    with pytest.raises(Conflict) as caught:
        await client.search(text="dog")
    assert caught.value.code == "no_text_index"
    assert await client.set_text(FIELDS) == await client.set_text(FIELDS)
    assert (await client.get_text()).fields == FIELDS
    hits = await client.search(text="dogs")
    assert [hit.id for hit in hits] == [0, 1]
    assert all(hit.distance is None and hit.text_score is None for hit in hits)
    assert hits[0].score > hits[1].score > 0
    assert [hit.id for hit in await client.search(text={"query": "dog cat", "operator": "and"})] == [1]
    fused = await client.search([2, 0], text="dog", fusion={"weights": [1, 3]}, include=["payload"])
    assert [hit.id for hit in fused] == [0, 1, 2]
    assert fused[2].text_score is None
    assert fused[2].distance == pytest.approx(0, abs=0.02)
    assert fused[1].payload == {"title": "Dogs and cats"}
    lists = await client.search_batch([Search(text="bird"), [0, 0], Search([0, 0], text="bird", k=1)])
    assert [len(hits) for hits in lists] == [1, 3, 1]
    for wrong in ({"text": {"query": "a", "operator": "xor"}}, {}, {"vector": [0, 0], "id": 1, "text": "a"}):
        with pytest.raises(InvalidRequest):
            await client.search(**wrong)
    assert await client.delete_text() is True
    assert await client.delete_text() is False


async def test_a_collection_is_made_with_a_text_index(client: Any) -> None:
    made = await client.create_collection("books", 2, text={"fields": FIELDS})
    assert made.text == {"fields": FIELDS}
    with pytest.raises(Conflict) as caught:
        await client.create_collection("books", text={"fields": {"other": {}}})
    assert caught.value.code == "collection_differs"
    books = client.collection("books")
    await books.upsert(1, [1, 2], {"title": "Running"})
    assert [hit.id for hit in await books.search(text="run")] == [1]
    assert (await client.create_collection("plain", 2)).text is None
