"""Ids that are strings at every face, embedded, over HTTP and through both clients, kept exactly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.client import InvalidRequest as ClientInvalidRequest
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound
from asteroid_cloud.wal.limits import ID_BYTES_MAX
from ops.forked_server import ForkedServer
from tests.support.clients import KEY, KINDS, client_of
from tests.support.names import NASTY

pytestmark = pytest.mark.anyio
DIM = 3
LONG = ["x" * (ID_BYTES_MAX + 1), "é" * (ID_BYTES_MAX // 2) + "x"]
WRONG: list[object] = ["", *LONG, 7, 1.0, True, None, ["a"]]


def vector(number: int) -> list[float]:
    """One that no other number has."""
    return [float(number), 1.0, 0.0]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[api.Store]:
    async with api.open(tmp_path / "store") as opened:
        await opened.create_index(DIM, ids="string")
        yield opened


async def test_every_id_is_kept_exactly(store: api.Store) -> None:
    for number, name in enumerate(NASTY):
        written = await store.insert(name, vector(number), {"n": number})
        assert written.id == name
    for sealed in (False, True):
        if sealed:
            await store.flush()
        for number, name in enumerate(NASTY):
            assert (await store.get(name)).vector[0] == pytest.approx(number, abs=0.01)
            assert await store.get_payload(name) == {"n": number}
            [hit] = await store.search(vector(number), k=1)
            assert hit.id == name
        assert {row.id for row in await store.fetch([*NASTY, "none such"])} == set(NASTY)
        walked = [row.id async for row in store.scroll(page_size=4)]
        assert walked == sorted(NASTY, key=str.encode)


@pytest.mark.parametrize("wrong", WRONG)
async def test_anything_else_is_refused_everywhere(store: api.Store, wrong: Any) -> None:
    await store.insert("a", vector(0))
    calls = [
        store.insert(wrong, vector(1)),
        store.get(wrong),
        store.delete(wrong),
        store.get_payload(wrong),
        store.set_payload(wrong, {}),
        store.merge_payload(wrong, {}),
        store.fetch([wrong]),
        store.delete_many([wrong]),
        store.merge_many({}, [wrong]),
        store.set({}, [wrong]),
    ]
    if wrong is not None:  # which stands for no id there
        calls.append(store.search(id=wrong))
    for call in calls:
        with pytest.raises(InvalidRequest, match=f"1 to {ID_BYTES_MAX} bytes") as refused:
            await call
        assert refused.value.code == "bad_id"
    with pytest.raises(InvalidRequest) as in_batch:
        await store.insert_batch([("b", vector(1)), (wrong, vector(2))])
    assert (in_batch.value.code, in_batch.value.details["reason"]) == ("bad_item", "bad_id")
    for lists in (
        {"upserts": [(wrong, vector(2))]},
        {"patches": [{"id": wrong, "patch": {}}]},
        {"sets": [{"id": wrong, "set": {}}]},
    ):
        with pytest.raises(InvalidRequest) as in_write:
            await store.write(**lists)
        assert (in_write.value.code, in_write.value.details["reason"]) == ("bad_item", "bad_id")
    assert await store.count() == 1


async def test_writes_by_id(store: api.Store) -> None:
    first = await store.insert("a", vector(0), {"x": 1})
    assert (await store.insert("a", vector(9), if_match=first.lsn)).id == "a"
    with pytest.raises(Conflict) as changed:
        await store.insert("a", vector(1), if_match=first.lsn)
    assert changed.value.code == "precondition_failed"
    with pytest.raises(Conflict):
        await store.insert("a", vector(1), if_absent=True)
    await store.insert("b", vector(1), if_absent=True)
    await store.set_payload("a", {"y": 2})
    await store.merge_payload("a", {"z": 3})
    assert await store.get_payload("a") == {"y": 2, "z": 3}
    assert await store.merge_many({"m": 1}, ["a", "b", "c"]) == 2
    assert await store.merge_many({"m": 2}, filter={"m": 1}) == 2
    assert [hit.id for hit in await store.search(id="a", k=5)] == ["b"]
    await store.delete("a")
    assert await store.delete_many(["a", "b", "b"]) == 1
    with pytest.raises(NotFound, match="'a'"):
        await store.get("a")


async def test_a_batch_may_have_an_id_twice_and_says_what_it_did(store: api.Store) -> None:
    await store.insert("a", vector(0), {"x": 1})
    done = await store.insert_batch([("a", vector(1)), ("b", vector(2), {"n": 1}), ("b", vector(3))])
    assert done == 3
    assert (await store.get("b")).vector[0] == pytest.approx(3, abs=0.01)
    assert await store.get_payload("b") == {"n": 1}
    assert await store.get_payload("a") == {"x": 1}


async def test_equal_distances_are_ordered_by_the_bytes_of_their_ids(store: api.Store) -> None:
    names = [f"{letter}{number}" for letter in ("b", "é", "a", "\U0001f600") for number in range(200)]
    shuffled = list(np.random.default_rng(0).permutation(names))
    expected = sorted(names, key=str.encode)
    for first in range(0, 800, 200):  # four memtables, then segments and a memtable
        await store.insert_batch([(str(name), vector(1)) for name in shuffled[first : first + 200]])
        if first in (0, 200):
            await store.flush()
    for k in (1, 7, 199, 500, 800):
        hits = await store.search(vector(1), k=k, exact=True)
        assert [hit.id for hit in hits] == expected[:k]


async def test_a_bulk_load_takes_the_ids(store: api.Store) -> None:
    vectors = np.array([vector(number) for number in range(len(NASTY))], np.float32)
    payloads = [{"n": number} if number % 2 else None for number in range(len(NASTY))]
    for ids in (None, NASTY[:-1], [*NASTY[:-1], NASTY[0]]):
        with pytest.raises(InvalidRequest) as refused:
            await store.bulk_build(vectors, payloads=payloads, ids=ids)
        assert refused.value.code == "bad_payload"
    with pytest.raises(InvalidRequest) as bad:
        await store.bulk_build(vectors, ids=[*NASTY[:-1], ""])
    assert bad.value.code == "bad_id"
    await store.bulk_build(vectors, payloads=payloads, ids=NASTY)
    for number, name in enumerate(NASTY):
        [hit] = await store.search(vector(number), k=1, include=["payload"])
        assert (hit.id, hit.payload) == (name, {"n": number} if number % 2 else {})


@pytest.mark.parametrize("include", [[], ["payload"], ["vector"], ["payload", "vector"]])
async def test_the_feed_says_the_ids(store: api.Store, include: list[str]) -> None:
    vectors = np.array([vector(number) for number in range(len(NASTY))], np.float32)
    await store.bulk_build(vectors, payloads=[{"n": number} for number in range(len(NASTY))], ids=NASTY)
    await store.insert("new", vector(1))
    await store.delete("7")
    await store.set_payload("new", {"a": 1})
    changes = [change async for change in store.changes(follow=False, include=include)]
    assert (changes[0].kind, changes[0].id_kind) == ("create_index", "string")
    loaded = [change for change in changes if change.kind == "bulk_load"]
    with_ids = [change for change in loaded if change.ids is not None]
    told = [name for change in with_ids for name in change.ids.tolist()]
    assert told == NASTY * max(1, len(include))
    for change in with_ids:
        for name, payload in zip(change.ids.tolist(), change.payloads or [], strict=False):
            assert payload == {"n": NASTY.index(name)}
    assert [change.ids.tolist() for change in changes[-3:]] == [["new"], ["7"], ["new"]]


async def test_it_is_the_same_after_a_restart_and_in_an_index_of_integers_strings_are_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store"
    async with api.open(path) as store:
        await store.create_index(DIM, ids="string")
        await store.insert_batch([(name, vector(number)) for number, name in enumerate(NASTY)])
        await store.flush()
        await store.insert("later", vector(99))
    async with api.open(path) as store:
        assert await store.count() == len(NASTY) + 1
        assert [row.id async for row in store.scroll()] == sorted([*NASTY, "later"], key=str.encode)
        await store.delete_index()
        await store.create_index(DIM)
        with pytest.raises(InvalidRequest, match="an id must be an integer") as refused:
            await store.insert("a", vector(1))
        assert refused.value.code == "bad_id"
        assert (await store.insert("7", vector(1))).id == 7


def test_the_blocking_store_takes_them_too(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path / "store") as store:
        store.create_index(DIM, ids="string")
        store.insert_batch([(name, vector(number)) for number, name in enumerate(NASTY)])
        assert [row.id for row in store.fetch(["007", "none", "7"])] == ["007", "7"]
        assert store.search(vector(3), k=1)[0].id == NASTY[3]
        assert store.get_payload("é") == {}
        assert [row.id for row in store.scroll()] == sorted(NASTY, key=str.encode)
        with pytest.raises(InvalidRequest):
            store.get("")


@pytest.mark.parametrize("kind", KINDS)
async def test_both_clients_take_and_give_them(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "served"
    async with api.open(path) as store:
        await store.create_index(DIM, ids="string")
    with ForkedServer(path, "--api-key", KEY) as server:
        client = client_of(kind, server.url)
        for number, name in enumerate(NASTY):
            assert (await client.insert(name, vector(number), {"n": number})).id == name
        for number, name in enumerate(NASTY):
            if name in (".", ".."):
                with pytest.raises(ClientInvalidRequest):
                    await client.get(name)
                continue
            assert (await client.get(name)).id == name
            assert await client.get_payload(name) == {"n": number}
            assert (await client.upsert(name, vector(number))).id == name
            assert (await client.merge_payload(name, {"m": 1})).id == name
        assert {row.id for row in await client.fetch(NASTY)} == set(NASTY)
        assert [row.id async for row in client.scroll()] == sorted(NASTY, key=str.encode)
        assert (await client.search(vector(2), k=1))[0].id == NASTY[2]
        done = await client.insert_batch([(name, vector(number)) for number, name in enumerate(NASTY)])
        assert done == len(NASTY)
        assert await client.delete_many(NASTY) == len(NASTY)
        with pytest.raises(ClientInvalidRequest) as refused:
            await client.insert(7, vector(1))
        assert refused.value.code == "bad_id"
        rows = np.array([vector(number) for number in range(len(NASTY))], np.float32)
        for ids, code in ((None, "bad_payload"), ([*NASTY[:-1], NASTY[0]], "bad_payload")):
            with pytest.raises(ClientInvalidRequest) as without:
                await client.bulk_build(rows, ids=ids)
            assert without.value.code == code
        payloads = [{"n": number} for number in range(len(NASTY))]
        built = await client.bulk_build(rows, payloads=payloads, ids=NASTY)
        for number in (0, 11, len(NASTY) - 1):
            [hit] = await client.search(vector(number), k=1, include=["payload"], ids=NASTY)
            assert (hit.id, hit.payload) == (NASTY[number], {"n": number})
        changes = [change async for change in client.changes(built.lsn - 1, follow=False)]
        assert [name for change in changes for name in change.ids or []] == NASTY
        await client.aclose()
