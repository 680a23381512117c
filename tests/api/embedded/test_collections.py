"""Collections and aliases inside a program, awaited and blocking (§7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import BlockingCollection, BlockingStore, Definition, Store, StoreCollection
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound

pytestmark = pytest.mark.anyio
NOT_OF_ONE = {
    *("create_index", "delete_index", "create_collection", "collections", "collection"),
    *("delete_collection", "set_alias", "aliases", "delete_alias", "path", "open", "ensure_index"),
    *("aclose", "close"),
}
"""Of a store alone."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store without an index."""
    async with api.open(tmp_path / "data") as store:
        yield store


@pytest.mark.parametrize(
    ("store", "collection"), [(Store, StoreCollection), (BlockingStore, BlockingCollection)]
)
def test_a_collection_has_all_calls_of_the_store(store: type, collection: type) -> None:
    public = {name for name in dir(store) if not name.startswith("_")}
    assert {name for name in dir(collection) if not name.startswith("_")} == public - NOT_OF_ONE | {"name"}


async def test_a_collection_is_made_listed_and_deleted(store: Store) -> None:
    made = await store.create_collection("books", 2, "cosine", 8)
    assert made == Definition(name="books", dim=2, metric="cosine", bits=8)
    assert await store.create_collection("books") == made
    with pytest.raises(Conflict) as caught:
        await store.create_collection("books", 3)
    assert caught.value.code == "collection_differs"
    await store.collection("books").insert(1, [1, 0])
    (found,) = await store.collections()
    assert (found.name, found.dim, found.vectors) == ("books", 2, 1)
    assert await store.delete_collection("books") is True
    assert await store.delete_collection("books") is False
    with pytest.raises(NotFound):
        await store.collection("books").count()
    for name in ("", 7):
        with pytest.raises(InvalidRequest):
            store.collection(name)  # type: ignore[arg-type]  # what a caller may do all the same


async def test_all_calls_go_to_the_collection(store: Store) -> None:
    await store.create_collection("books", 2)
    books = store.collection("books")
    lsn = (await books.insert(1, [1, 0], {"n": 1})).lsn
    assert await books.insert_batch([(id, [id, 0], {"n": id}) for id in range(2, 8)]) == 6
    assert [hit.id for hit in await books.search([7, 0], k=1)] == [7]
    assert len(await books.search_batch([[1, 0], [2, 0]], k=2)) == 2
    assert await books.count({"n": {"$gt": 5}}) == 2
    assert (await books.get(1)).id == 1
    assert [row.id for row in await books.fetch([3, 99])] == [3]
    assert [row.id async for row in books.scroll(page_size=2)] == list(range(1, 8))
    assert (await books.facets("n")).distinct == 7
    changes = [change async for change in books.changes(follow=False)]
    assert (changes[0].kind, changes[1].lsn) == ("create_index", lsn)
    assert await books.delete_many([2, 3]) == 2
    assert (await books.stats()).vectors == 5
    assert await books.flush() > lsn
    assert (await books.tag("here")).name == "here"
    assert await books.ready()
    assert not await store.ready()
    assert await store.collections() != []
    await store.create_collection("raw", 2)
    assert (await store.collection("raw").bulk_build(np.eye(2, dtype=np.float32))).n == 2


async def test_collections_are_there_again_and_an_alias_is_followed(tmp_path: Path) -> None:
    async with api.open(tmp_path / "data") as store:
        for name in ("v1", "v2"):
            await store.create_collection(name, 2)
        await store.set_alias("live", "v1")
        await store.collection("live").insert(1, [0, 0])
    async with api.open(tmp_path / "data") as store:
        assert await store.aliases() == {"live": "v1"}
        live = store.collection("live")
        assert await live.count() == 1
        await store.set_alias("live", "v2")
        assert await live.count() == 0
        assert await store.delete_alias("live") is True
        assert await store.delete_alias("live") is False


async def test_a_feed_ends_when_its_alias_moves_or_its_collection_goes(store: Store) -> None:
    for name in ("v1", "v2"):
        await store.create_collection(name, 2)
    await store.set_alias("live", "v1")
    moved, gone = store.collection("live").changes(), store.collection("v1").changes()
    for feed in (moved, gone):
        assert (await anext(feed)).kind == "create_index"
    waiting = asyncio.create_task(anext(moved))
    await asyncio.sleep(0)
    await store.set_alias("live", "v2")
    with pytest.raises(Conflict) as caught:
        await waiting
    assert caught.value.code == "alias_moved"
    waiting = asyncio.create_task(anext(gone))
    await asyncio.sleep(0)
    await store.delete_collection("v1")
    with pytest.raises(NotFound) as lost:
        await waiting
    assert lost.value.code == "no_collection"


async def test_a_walk_goes_on_where_it_began(store: Store) -> None:
    for name in ("v1", "v2"):
        await store.create_collection(name, 2)
    await store.collection("v1").insert_batch([(id, [0, 0]) for id in range(6)])
    await store.set_alias("live", "v1")
    rows = store.collection("live").scroll(page_size=2)
    found = [(await anext(rows)).id]
    await store.set_alias("live", "v2")
    found += [row.id async for row in rows]
    assert found == list(range(6))
    rows = store.collection("v1").scroll(page_size=2)
    await anext(rows)
    await store.delete_collection("v1")
    with pytest.raises(NotFound):
        _ = [row async for row in rows]


async def test_an_iteration_that_is_left_keeps_nothing_open(store: Store) -> None:
    await store.create_collection("books", 2)
    feed = store.collection("books").changes()
    await anext(feed)
    await feed.aclose()
    assert await asyncio.wait_for(store.delete_collection("books"), 30) is True


async def test_the_end_of_the_store_ends_calls_of_collections(tmp_path: Path) -> None:
    store = await api.open(tmp_path / "data")
    await store.create_collection("books", 2)
    books = store.collection("books")
    feed = books.changes()
    await anext(feed)
    waiting = asyncio.create_task(anext(feed))
    await asyncio.sleep(0)
    await store.aclose()
    with pytest.raises(Conflict, match="closed"):
        await waiting
    for call in (books.count, books.stats):
        with pytest.raises(Conflict) as caught:
            await call()
        assert caught.value.code == "store_closed"
    with pytest.raises(Conflict):
        store.collection("books")


def test_the_blocking_store_has_collections_too(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path / "data") as store:
        assert store.create_collection("books", 2).name == "books"
        books = store.collection("books")
        assert (books.name, repr(books)) == ("books", "BlockingCollection('books')")
        books.insert(1, [1, 0], {"n": 1})
        books.insert_batch([(2, [2, 0]), (3, [3, 0])])
        assert [hit.id for hit in books.search([3, 0], k=2)] == [3, 2]
        assert books.count() == 3
        assert books.get(1).id == 1
        assert [row.id for row in books.fetch([1, 9])] == [1]
        assert [row.id for row in books.scroll(page_size=2)] == [1, 2, 3]
        assert books.facets("n").distinct == 1
        assert {change.kind for change in books.changes(follow=False)} >= {"create_index"}
        store.set_alias("live", "books")
        assert store.collection("live").count() == 3
        assert store.aliases() == {"live": "books"}
        assert [each.name for each in store.collections()] == ["books"]
        assert store.delete_alias("live") is True
        assert store.delete_collection("books") is True
        with pytest.raises(NotFound):
            books.search([1, 0])
    with pytest.raises(Conflict):
        books.count()
