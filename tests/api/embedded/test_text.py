"""Searches by words in the embedded store and its blocking twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.api import Search, Store, open_blocking
from asteroid_cloud.wal.errors import Conflict, InvalidRequest

pytestmark = pytest.mark.anyio
FIELDS = {"title": {"language": "english"}}
ROWS = [
    (id, [float(id), 0.0, 0.0, 0.0], {"title": title})
    for id, title in enumerate(["A dog", "Dogs and cats", "Birds"])
]


async def test_of_the_store(store: Store) -> None:
    await store.insert_batch(ROWS)
    with pytest.raises(Conflict):
        await store.get_text()
    assert await store.set_text(FIELDS) == await store.set_text(FIELDS)
    assert (await store.get_text()).fields == FIELDS
    assert (await store.stats()).text is not None
    hits = await store.search(text="dogs")
    assert [hit.id for hit in hits] == [0, 1]
    assert all(hit.distance is None for hit in hits)
    fused = await store.search([2.0, 0, 0, 0], text="dog", fusion={"weights": (1, 3)}, explain=True)
    assert [hit.id for hit in fused] == [0, 1, 2]
    assert [hit.text_score is None for hit in fused] == [False, False, True]
    assert fused.explain is not None
    assert fused.explain.text is not None
    lists = await store.search_batch([Search(text="bird"), [0.0] * 4, Search(id=2, text="cat")])
    assert [[hit.id for hit in hits] for hits in lists] == [[2], [0, 1, 2], [1, 0]]
    with pytest.raises(InvalidRequest):
        await store.search(text={"query": "a", "fields": ["other"]})
    with pytest.raises(InvalidRequest):
        await store.search(text="\ud800")
    assert await store.delete_text()
    assert not await store.delete_text()


async def test_of_a_collection(store: Store) -> None:
    made = await store.create_collection("books", 4, text={"fields": FIELDS})
    assert made.text == {"fields": FIELDS}
    books = store.collection("books")
    await books.insert_batch(ROWS)
    assert [hit.id for hit in await books.search(text="cat")] == [1]
    assert (await books.get_text()).fields == FIELDS


def test_of_the_blocking_twin(tmp_path: Path) -> None:
    with open_blocking(str(tmp_path), dim=4) as store:
        store.insert_batch(ROWS)
        store.set_text(FIELDS)
        assert [hit.id for hit in store.search(text="dogs")] == [0, 1]
        assert [hit.id for hit in store.search([0.0] * 4, text="bird", k=1, fusion={"weights": [0, 1]})] == [
            2
        ]
        lists = store.search_batch([Search(text="bird"), Search(text="cat")])
        assert [[hit.id for hit in hits] for hits in lists] == [[2], [1]]
    with open_blocking(str(tmp_path)) as store:
        assert store.get_text().fields == FIELDS
        assert [hit.id for hit in store.search(text="dogs")] == [0, 1]
        assert store.delete_text()
