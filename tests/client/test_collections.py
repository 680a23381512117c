"""Collections and aliases with both clients (§7)."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import (
    AsyncClient,
    AsyncCollection,
    Client,
    Collection,
    Conflict,
    Definition,
    InvalidRequest,
    NotFound,
)
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.protocol.collections import of_collection, path_of
from tests.support.faulty_server import FaultyServer, hang_up

pytestmark = pytest.mark.anyio
NOT_OF_ONE = {
    *("create_index", "delete_index", "create_collection", "collections", "collection"),
    *("delete_collection", "set_alias", "aliases", "delete_alias", "key", "base_url", "aclose", "close"),
}
"""Of a client alone: what is about the server, and about the index that is made apart from a collection."""


@pytest.mark.parametrize(("client", "collection"), [(AsyncClient, AsyncCollection), (Client, Collection)])
def test_a_collection_has_all_calls_of_the_client(client: type, collection: type) -> None:
    public = {name for name in dir(client) if not name.startswith("_")}
    assert {name for name in dir(collection) if not name.startswith("_")} == public - NOT_OF_ONE | {"name"}


async def test_a_collection_is_made_listed_and_deleted(client: Any) -> None:
    made = await client.create_collection("books", 2, "cosine", 8)
    assert made == Definition("books", 2, "cosine", 8, "integer", "required")
    assert await client.create_collection("books") == made
    assert await client.create_collection("books", metric="Cosine", vector="required") == made
    with pytest.raises(Conflict) as caught:
        await client.create_collection("books", 3)
    assert caught.value.code == "collection_differs"
    await client.collection("books").insert(1, [1, 0])
    (found,) = await client.collections()
    assert (found.name, found.dim, found.metric, found.vectors, found.error) == (
        "books",
        2,
        "cosine",
        1,
        None,
    )
    assert await client.delete_collection("books") is True
    assert await client.delete_collection("books") is False
    assert await client.collections() == []


async def test_what_no_collection_is_called_is_refused(client: Any) -> None:
    for name in ("A", "a/b", "..", "é"):
        with pytest.raises((InvalidRequest, NotFound)):
            await client.create_collection(name, 2)
    for name in ("", 7, None):
        with pytest.raises(InvalidRequest) as caught:
            client.collection(name)
        assert caught.value.code == "bad_collection_name"
    with pytest.raises(InvalidRequest) as caught:
        await client.create_collection("books")
    assert caught.value.code == "missing_field"
    with pytest.raises(NotFound) as missing:
        await client.collection("none").count()
    assert missing.value.code == "no_collection"


async def test_all_calls_go_to_the_collection(client: Any) -> None:
    await client.create_collection("books", 2)
    books = client.collection("books")
    lsn = (await books.insert(1, [1, 0], metadata={"n": 1})).lsn
    assert await books.insert_batch([(id, [id, 0], {"n": id}) for id in range(2, 8)]) == 6
    await books.upsert(1, np.array([1, 1], np.float32))
    assert await books.set_payload(1, {"n": 1, "a": True})
    await books.merge_payload(1, {"a": None})
    assert await books.get_payload(1) == {"n": 1}
    assert (await books.get(1)).id == 1
    assert [row.id for row in await books.fetch([3, 99])] == [3]
    assert [hit.id for hit in await books.search([7, 0], k=1)] == [7]
    assert len(await books.search_batch([[1, 0], [2, 0]], k=2)) == 2
    assert await books.count({"n": {"$gt": 5}}) == 2
    assert [row.id async for row in books.scroll(page_size=2)] == list(range(1, 8))
    assert (await books.facets("n")).distinct == 7
    assert (await books.field_range("n")).numbers.max == 7
    assert (await books.recall(num=2)).recall == 1
    changes = [change async for change in books.changes(follow=False)]
    assert changes[0].kind == "create_index"
    assert changes[1].lsn == lsn
    assert await books.delete_many([2, 3]) == 2
    assert await books.merge_many({"b": 1}, filter={"n": 4}) == 1
    await books.delete(7)
    assert (await books.stats()).vectors == 4
    assert (await books.get_index()).dim == 2
    assert (await books.recovery()).lsn > 0
    assert await books.wait_for(lsn) >= lsn
    assert await books.flush() > lsn
    assert (await books.tag("here")).name == "here"
    assert [tag.name for tag in await books.tags()] == ["here"]
    await books.untag("here")
    await books.purge()
    assert await books.health()
    assert await books.ready()
    with pytest.raises(Conflict):
        await client.count()
    await client.create_collection("raw", 2)
    assert (await client.collection("raw").bulk_build(np.eye(2, dtype=np.float32))).n == 2


async def test_an_alias_is_followed(client: Any) -> None:
    for name in ("v1", "v2"):
        await client.create_collection(name, 2)
    live = client.collection("live")
    with pytest.raises(NotFound):
        await live.count()
    await client.set_alias("live", "v1")
    await live.insert(1, [0, 0])
    assert await client.aliases() == {"live": "v1"}
    await client.set_alias("live", "v2")
    assert await live.count() == 0
    assert await client.collection("v1").count() == 1
    for alias, collection in (("v1", "v2"), ("default", "v1")):
        with pytest.raises(Conflict) as caught:
            await client.set_alias(alias, collection)
        assert caught.value.code == "name_taken"
    assert await client.delete_alias("live") is True
    assert await client.delete_alias("live") is False


async def test_a_feed_through_an_alias_ends_when_it_moves(client: Any) -> None:
    for name in ("v1", "v2"):
        await client.create_collection(name, 2)
    await client.set_alias("live", "v1")
    feed = client.collection("live").changes()
    assert (await anext(feed)).kind == "create_index"
    await client.set_alias("live", "v2")
    with pytest.raises(Conflict) as caught:
        await anext(feed)
    assert caught.value.code == "alias_moved"
    feed = client.collection("v1").changes()
    await anext(feed)
    await client.delete_collection("v1")
    with pytest.raises(NotFound) as gone:
        await anext(feed)
    assert gone.value.code == "no_collection"


async def test_a_deletion_whose_answer_is_lost_is_done_once(client: Any, server: FaultyServer) -> None:
    await client.create_collection("books", 2)
    await client.collections()  # so that the client knows that the server remembers keys

    async def lost(request: Any) -> Any:
        await server.forward(request)
        return await hang_up(request)

    server.script.append(lost)
    assert await client.delete_collection("books") is True


async def test_a_collection_shares_the_connections_of_its_client(client: Any) -> None:
    await client.create_collection("books", 2)
    books = client.collection("books")
    await client.aclose()
    with pytest.raises(InvalidRequest) as caught:
        await books.count()
    assert caught.value.code == "client_closed"


def test_a_collection_names_itself_and_is_pickled_with_its_settings() -> None:
    with Client("key-of-the-test-of-pickles", "http://127.0.0.1:9") as client:
        books = client.collection("books")
        assert (books.name, repr(books)) == ("books", "Collection('books')")
        other = pickle.loads(pickle.dumps(books))
        assert other.name == "books"


def test_paths_are_those_of_the_collection_and_others_stay() -> None:
    path = path_of("collections", "a b/c")
    assert path == "/v1/collections/a%20b%2Fc"
    assert of_collection(routes.stats(), path).path == "/v1/collections/a%20b%2Fc/stats"
    assert of_collection(routes.alive("/health"), path).path == "/health"


async def test_ids_that_are_strings_are_encoded_in_paths(client: Any) -> None:
    await client.create_collection("books", 2, ids="string")
    books = client.collection("books")
    for id in ("batch", "a/payload", "a//", "%2F", "é ?#", "..."):
        await books.upsert(id, [1, 0], {"is": id})
        assert (await books.get(id)).id == id
        assert await books.get_payload(id) == {"is": id}
        await books.delete(id)
        with pytest.raises(NotFound):
            await books.get(id)
