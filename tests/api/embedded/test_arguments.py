"""Arguments of the embedded store: numbers of numpy and items as mappings work as they do over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.api import Search, Store
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.asking import DIM

pytestmark = pytest.mark.anyio

JUNK: list[Any] = ["3", 1.5, True, np.bool_(True), [], {}, object(), Decimal(3), b"3"]
ROW = np.ones(DIM, np.float32)


async def test_numbers_of_numpy_work_wherever_numbers_go(store: Store) -> None:
    """Row 19 of operations: ``k=np.int64(3)`` was refused, or a TypeError."""
    calls: Any = store  # whose annotations speak of Python's own numbers
    written = await calls.insert(np.uint64(1), ROW, {"n": np.int16(7), "x": np.float32(0.5)})
    lsn = np.int64(written.lsn)
    assert await calls.get_payload(np.int8(1)) == {"n": 7, "x": 0.5}
    found = await calls.search(
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
    assert len(await calls.search_batch([Search(**one)])) == 1
    assert (await calls.recall(np.int64(1), np.int64(1), np.int64(10))).recall == 1
    assert (await calls.facets("n", limit=np.int64(5))).distinct == 1
    assert await calls.count(min_lsn=lsn) == 1
    assert [row.id for row in await calls.fetch(np.array([1], np.uint64))] == [1]
    assert [row.id async for row in calls.scroll(page_size=np.int64(1))] == [1]
    assert [each.lsn async for each in calls.changes(lsn - 1, limit=np.int64(1))] == [written.lsn]
    assert await calls.wait_for(lsn, np.float32(5)) == written.lsn
    assert (await calls.insert(1, ROW, if_match=lsn)).lsn > written.lsn
    assert await calls.flush(np.float32(30)) > written.lsn
    assert await calls.insert_batch([(np.uint64(2), ROW)], chunk_size=np.int64(1)) == 1
    assert await calls.delete_many(np.arange(3)) == 2
    await calls.ensure_index(np.int64(DIM), "l2", np.int8(16))
    await calls.delete_index()
    await calls.create_index(np.int64(2), bits=np.uint8(8))
    assert (await calls.bulk_build(np.ones((3, 2)), np.int64(2), np.int32(1))).n == 3


async def test_items_may_be_mappings(store: Store) -> None:
    """Row 19 of operations: ``insert_batch([{"id": …, "vector": …}])`` was ``KeyError: 1``."""
    items: list[Any] = [
        {"id": 1, "vector": [1.0] * DIM},
        {"id": np.uint64(2), "vector": ROW, "metadata": {"a": 1}},
        (3, ROW),
        [4, ROW, None],
        {"vector": ROW, "id": 5, "metadata": None},
    ]
    assert await store.insert_batch(items) == 5
    assert await store.get_payload(2) == {"a": 1}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"id": 1}, "vector"),
        ({"vector": ROW}, "id"),
        ({"id": 1, "vector": ROW, "payload": {}}, "payload"),
        ({}, "id"),
        ("ab", "mapping"),
        (7, "mapping"),
        (None, "mapping"),
        ((1,), "mapping"),
        ((1, ROW, {}, 4), "mapping"),
    ],
)
async def test_a_bad_item_is_named(store: Store, item: Any, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        await store.insert_batch([(0, ROW), item])
    assert (caught.value.code, caught.value.details["index"]) == ("bad_item", 1)


CALLS: dict[str, Callable[[Any, Any], Coroutine[Any, Any, object]]] = {
    "bad_k": lambda store, junk: store.search(ROW, junk),
    "bad_offset": lambda store, junk: store.search(ROW, offset=junk),
    "bad_max_distance": lambda store, junk: store.search(ROW, max_distance=[junk]),
    "bad_min_lsn": lambda store, junk: store.count(min_lsn=junk),
    "bad_if_match": lambda store, junk: store.insert(1, ROW, if_match=junk),
    "bad_num": lambda store, junk: store.recall(junk),
    "bad_chunk": lambda store, junk: store.insert_batch([], chunk_size=junk),
    "bad_since": lambda store, junk: anext(store.changes(junk)),
    "bad_timeout_s": lambda store, junk: store.flush([junk]),
    "bad_lsn": lambda store, junk: store.wait_for(junk),
    "bad_limit": lambda store, junk: store.facets("n", limit=junk),
    "bad_threads": lambda store, junk: store.bulk_build(np.ones((1, DIM)), threads=junk),
    "bad_dim": lambda store, junk: store.create_index(junk),
    "bad_item": lambda store, junk: store.insert_batch(junk if isinstance(junk, str | bytes) else 5),
}


@pytest.mark.parametrize("code", CALLS)
async def test_whatever_is_no_number_is_one_typed_error(store: Store, code: str) -> None:
    for junk in JUNK:
        with pytest.raises(InvalidRequest) as caught:
            await CALLS[code](store, junk)
        assert caught.value.code == code, repr(junk)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float32("nan"), 10**400])
async def test_a_distance_that_is_no_finite_number_is_refused(store: Store, number: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await store.search(ROW, max_distance=number)
    assert caught.value.code == "bad_max_distance"
