"""Closing stores: in any order, by anyone, during calls; and what is left of them afterwards."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import BlockingStore, Store
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LockHeld

DIM = 2
ROW = [1.0, 2.0]
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "backup": ("elsewhere",),
    "collection": ("a",),
    "create_collection": ("a", DIM),
    "delete_alias": ("a",),
    "delete_collection": ("a",),
    "set_alias": ("a", "b"),
    "bulk_build": (np.ones((1, DIM)),),
    "create_index": (DIM,),
    "delete": (1,),
    "delete_many": ([1],),
    "ensure_index": (DIM, "l2"),
    "facets": ("a",),
    "fetch": ([1],),
    "field_range": ("a",),
    "get": (1,),
    "get_payload": (1,),
    "insert": (1, ROW),
    "insert_batch": ([(1, ROW)],),
    "merge_many": ({}, [1]),
    "merge_payload": (1, {}),
    "search": (ROW,),
    "search_batch": ([ROW],),
    "set": ({}, [1]),
    "set_payload": (1, {}),
    "set_text": ({"a": {}},),
    "tag": ("a",),
    "untag": ("a",),
    "upsert": (1, ROW),
    "wait_for": (1,),
    "write": (),
}
NO_CALLS = {"aclose", "close", "open", "path", "life", "served", "engine", "reads"}


def calls_of(kind: type) -> list[str]:
    """The names of all that can be called on a store."""
    return [name for name in dir(kind) if not name.startswith("_") and name not in NO_CALLS]


async def result_of(called: Any) -> object:
    """What a call of either store gives; the items of an iteration as a list."""
    if inspect.isawaitable(called):
        return await called
    if hasattr(called, "__anext__"):
        return [each async for each in called]
    return list(called) if inspect.isgenerator(called) else called


def refused(code: str) -> Any:
    """The one error of a store that may not be used."""
    return pytest.raises(Conflict, check=lambda error: error.code == code)


@pytest.mark.anyio
@pytest.mark.parametrize("name", calls_of(Store))
async def test_use_after_close_is_store_closed(tmp_path: Path, name: str) -> None:
    """Row 14 of operations: stale reads, a hang, "Poisoned"."""
    async with api.open(tmp_path, dim=DIM) as store:
        await store.insert(1, ROW, {"a": 1})
    with refused("store_closed"):
        await result_of(getattr(store, name)(*ARGUMENTS.get(name, ())))


@pytest.mark.anyio
async def test_use_of_a_blocking_store_after_close_is_store_closed(tmp_path: Path) -> None:
    store = api.open_blocking(tmp_path, dim=DIM)
    store.insert(1, ROW, {"a": 1})
    store.close()
    for name in calls_of(BlockingStore):
        with refused("store_closed"):
            await result_of(getattr(store, name)(*ARGUMENTS.get(name, ())))
    assert store.path == str(tmp_path)


@pytest.mark.anyio
async def test_iterations_under_way_end_with_store_closed(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM) as store:
        await store.insert_batch([(id, ROW) for id in range(3)])
        walk, feed = store.scroll(page_size=1), store.changes()
        await anext(walk)
        await anext(feed)
    for iteration in (walk, feed):
        with refused("store_closed"):
            while True:
                await anext(iteration)


@pytest.mark.parametrize("first", [0, 1])
def test_two_blocking_stores_close_in_any_order(tmp_path: Path, first: int) -> None:
    """Row 14: closed in the order of opening, two stores raised ``RuntimeError: cancel scope``."""
    stores = [api.open_blocking(tmp_path / name, dim=DIM) for name in "ab"]
    stores[first].close()
    assert stores[1 - first].insert(1, ROW).id == 1
    stores[1 - first].close()
    for name in "ab":
        with api.open_blocking(tmp_path / name) as store:
            assert store.get_index().dim == DIM


@pytest.mark.anyio
@pytest.mark.parametrize("first", [0, 1])
async def test_two_stores_close_in_any_order_and_in_any_task(tmp_path: Path, first: int) -> None:
    stores = [await api.open(tmp_path / name, dim=DIM) for name in "ab"]
    await stores[first].aclose()
    assert (await stores[1 - first].insert(1, ROW)).id == 1
    await asyncio.create_task(stores[1 - first].aclose())
    for name in "ab":
        async with await api.open(tmp_path / name) as store:
            assert (await store.get_index()).dim == DIM


def test_a_blocking_store_is_an_object_with_close(tmp_path: Path) -> None:
    """Row 14: without ``with`` there was a ``_GeneratorContextManager`` that has no insert."""
    store = api.open_blocking(tmp_path, dim=DIM)
    assert isinstance(store, BlockingStore)
    assert store.insert(1, ROW).id == 1
    with pytest.raises(LockHeld):
        api.open_blocking(tmp_path)
    store.close()
    store.close()
    with api.open_blocking(tmp_path) as again:
        assert again.count() == 1
        again.close()


def waiting(store: BlockingStore, call: Any, *arguments: object) -> threading.Thread:
    """A thread in the middle of a call that ends with the store only; it must end with ``store_closed``."""
    begun = threading.Event()

    def run() -> None:
        begun.set()
        with refused("store_closed"):
            list(call(*arguments)) if call == store.changes else call(*arguments)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10)
    return thread


def test_calls_of_other_threads_end_with_the_store(tmp_path: Path) -> None:
    store = api.open_blocking(tmp_path, dim=DIM)
    written = store.insert(1, ROW)
    threads = [
        waiting(store, store.wait_for, written.lsn + 1, 60),
        waiting(store, store.changes, written.lsn),
    ]
    store.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.anyio
async def test_calls_of_other_tasks_end_with_the_store(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM) as store:
        written = await store.insert(1, ROW)
        later = written.lsn + 1
        calls = [
            store.wait_for(later, 60),
            store.search(ROW, min_lsn=later),
            store.insert_batch(never()),
            result_of(store.changes(written.lsn)),
        ]
        tasks = [asyncio.create_task(call) for call in calls]
        await anyio.wait_all_tasks_blocked()
    for task in tasks:
        with refused("store_closed"):
            await task


async def never() -> AsyncIterator[Any]:
    """Items that do not come."""
    await anyio.sleep_forever()
    yield


@pytest.mark.anyio
async def test_a_call_may_close_its_own_store(tmp_path: Path) -> None:
    store = await api.open(tmp_path, dim=DIM)

    async def items() -> AsyncIterator[Any]:
        yield 1, ROW
        await store.aclose()

    with refused("store_closed"):
        await store.insert_batch(items())
    await store.aclose()  # the call has ended; this waits for the rest
    async with api.open(tmp_path):
        pass


@pytest.mark.anyio
async def test_a_cancelled_caller_still_closes_the_store(tmp_path: Path) -> None:
    with anyio.CancelScope() as scope:
        async with api.open(tmp_path, dim=DIM):
            scope.cancel()
            await anyio.sleep_forever()
    async with api.open(tmp_path):
        pass


@pytest.mark.anyio
async def test_cancelled_while_opening_leaves_nothing_open(tmp_path: Path) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await api.open(tmp_path, dim=DIM)
    async with api.open(tmp_path):
        pass


def test_a_blocking_store_that_is_dropped_unclosed_warns_and_is_closed(tmp_path: Path) -> None:
    stores = [api.open_blocking(tmp_path, dim=DIM)]
    thread = stores[0]._loop._thread
    with pytest.warns(ResourceWarning, match="unclosed store"):
        stores.clear()
    thread.join(30)
    with api.open_blocking(tmp_path) as store:
        assert store.get_index().dim == DIM


@pytest.mark.anyio
async def test_a_store_that_is_dropped_unclosed_warns_and_is_closed(tmp_path: Path) -> None:
    stores = [await api.open(tmp_path, dim=DIM)]
    owner = stores[0]._owner
    with pytest.warns(ResourceWarning, match="unclosed store"):
        stores.clear()
    await owner.close()
    async with api.open(tmp_path) as store:
        assert (await store.get_index()).dim == DIM


def test_an_event_loop_that_ends_closes_its_stores(tmp_path: Path) -> None:
    store = asyncio.run(opened(tmp_path))
    with refused("store_closed"):
        asyncio.run(store.get_index())  # type: ignore[arg-type]
    with api.open_blocking(tmp_path) as again:
        assert again.get_index().dim == DIM


async def opened(path: Path) -> Store:
    """A store that nobody closes."""
    return await api.open(path, dim=DIM)


@pytest.mark.anyio
async def test_a_store_in_another_event_loop_is_a_typed_error(tmp_path: Path) -> None:
    """A sibling of row 15: nothing wakes a call that waits in a loop which is not the store's."""
    async with api.open(tmp_path, dim=DIM) as store:
        for name in ("search", "insert", "count", "get_index"):
            call = getattr(store, name)(*ARGUMENTS.get(name, ()))
            with refused("other_loop"):
                await asyncio.to_thread(asyncio.run, call)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_store_cannot_be_copied(tmp_path: Path, copied: Any) -> None:
    with api.open_blocking(tmp_path, dim=DIM) as store:
        for each in (store, store._store):
            with pytest.raises(InvalidRequest, match="belongs to its process"):
                copied(each)


def test_a_call_from_within_a_call_is_a_typed_error(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=DIM) as store, refused("conflict"):
        store.insert_batch((store.insert(id, ROW).id, ROW) for id in range(2))


def teardown_module() -> None:
    """Whatever was dropped is collected here, where its warning belongs."""
    gc.collect()
