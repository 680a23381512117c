"""Arguments of the clients: numbers of numpy and items as mappings work, all else is one typed error."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import AsteroidError, Client, InvalidRequest, Search
from tests.support.clients import KEY

pytestmark = pytest.mark.anyio

JUNK: list[Any] = ["3", 1.5, True, np.bool_(True), None, [], {}, object(), Decimal(3), b"3"]
ROW = np.array([1, 2], np.float32)


async def test_numbers_of_numpy_work_wherever_numbers_go(client: Any) -> None:
    """Row 19 of operations: ``k=np.int64(3)`` was a TypeError."""
    await client.create_index(np.int64(2), bits=np.uint8(16))
    written = await client.insert(np.uint64(1), ROW, {"n": np.int16(7), "x": np.float32(0.5)})
    lsn = np.int64(written.lsn)
    assert await client.get_payload(np.int8(1)) == {"n": 7, "x": 0.5}
    found = await client.search(
        ROW,
        k=np.int64(3),
        ef_search=np.int32(50),
        filter={"n": {"$gte": np.float64(6), "$in": np.array([7, 8]), "$lt": np.int64(8)}},
        exact=np.bool_(True),
        min_lsn=lsn,
        offset=np.uint8(0),
        max_distance=np.float32(9),
    )
    assert [hit.id for hit in found] == [1]
    one: Any = {"id": np.uint64(1), "k": np.int64(1)}
    assert len(await client.search_batch([Search(**one)], k=np.int64(1))) == 1
    assert (await client.recall(np.int64(1), np.int64(1), np.int64(10))).recall == 1
    assert (await client.facets("n", limit=np.int64(5))).distinct == 1
    assert await client.count(min_lsn=lsn) == 1
    assert [row.id for row in await client.fetch(np.array([1], np.uint64))] == [1]
    assert [row.id async for row in client.scroll(page_size=np.int64(1))] == [1]
    assert [each.lsn async for each in client.changes(lsn - 1, limit=np.int64(1))] == [written.lsn]
    assert await client.wait_for(lsn, np.float32(5)) == written.lsn
    assert (await client.insert(1, ROW, if_match=lsn)).lsn > written.lsn
    assert await client.flush(np.float32(30)) > written.lsn
    assert await client.insert_batch([(np.uint64(2), ROW)], chunk_size=np.int64(1), parallel=np.int8(1)) == 1
    assert await client.delete_many(np.arange(3)) == 2


async def test_items_may_be_mappings(client: Any) -> None:
    """Row 19 of operations: ``insert_batch([{"id": …, "vector": …}])`` was ``KeyError: 1``."""
    await client.create_index(2)
    items = [
        {"id": 1, "vector": [1.0, 2.0]},
        {"id": np.uint64(2), "vector": ROW, "metadata": {"a": 1}},
        (3, ROW),
        [4, ROW, None],
        {"vector": ROW, "id": 5, "metadata": None},
    ]
    assert await client.insert_batch(items) == 5
    assert await client.get_payload(2) == {"a": 1}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"id": 1}, "vector"),
        ({"vector": [1.0, 2.0]}, "id"),
        ({"id": 1, "vector": [1.0, 2.0], "payload": {}}, "payload"),
        ({}, "id"),
        ("ab", "mapping"),
        (7, "mapping"),
        (None, "mapping"),
        ((1,), "mapping"),
        ((1, [1.0, 2.0], {}, 4), "mapping"),
    ],
)
async def test_a_bad_item_is_named(client: Any, item: Any, reason: str) -> None:
    await client.create_index(2)
    with pytest.raises(InvalidRequest, match=reason) as caught:
        await client.insert_batch([(0, ROW), item])
    assert (caught.value.code, caught.value.details["index"]) == ("bad_item", 1)


CALLS: dict[str, Callable[[Client, Any], Any]] = {
    "bad_k": lambda client, junk: client.search(ROW, junk),
    "bad_offset": lambda client, junk: client.search(ROW, offset=[junk]),  # type: ignore[arg-type]
    "bad_min_lsn": lambda client, junk: client.count(min_lsn=[junk]),  # type: ignore[arg-type]
    "bad_if_match": lambda client, junk: client.insert(1, ROW, if_match=[junk]),  # type: ignore[arg-type]
    "bad_num": lambda client, junk: client.recall(junk),
    "bad_chunk": lambda client, junk: client.insert_batch([], chunk_size=junk),
    "bad_parallel": lambda client, junk: client.insert_batch([], parallel=junk),
    "bad_since": lambda client, junk: list(client.changes(junk)),
    "bad_timeout_s": lambda client, junk: client.flush([junk]),  # type: ignore[arg-type]
    "bad_connections": lambda client, junk: Client(connections=junk),
    "bad_timeout": lambda client, junk: Client(timeout=[junk]),  # type: ignore[arg-type]
    "bad_limit": lambda client, junk: client.facets("n", limit=junk),
}


@pytest.mark.parametrize("code", CALLS)
def test_whatever_is_no_number_is_one_typed_error(started: Any, code: str) -> None:
    with Client(KEY, started.url) as client:
        client.delete_index()
        client.create_index(2)
        for junk in JUNK:
            if junk is None and code in ("bad_k", "bad_num", "bad_limit"):
                continue  # the server's default
            with pytest.raises(InvalidRequest) as caught:
                CALLS[code](client, junk)
            assert caught.value.code == code, repr(junk)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float32("nan"), 10**400, "1"])
def test_a_distance_that_is_no_finite_number_is_refused(started: Any, number: Any) -> None:
    """NaN became null on the way, which is no bound at all."""
    with Client(KEY, started.url) as client:
        client.delete_index()
        client.create_index(2)
        with pytest.raises(InvalidRequest) as caught:
            client.search(ROW, max_distance=number)
        assert caught.value.code == "bad_max_distance"


@pytest.mark.parametrize("items", [5, None, "text", {"id": 1, "vector": [1.0]}])
async def test_items_that_are_no_list_are_refused(client: Any, items: Any) -> None:
    for call in (client.insert_batch, client.fetch, client.delete_many, client.search_batch):
        if items is None and call == client.delete_many:
            continue
        with pytest.raises(AsteroidError):
            await call(items)
