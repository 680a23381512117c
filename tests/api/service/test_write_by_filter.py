"""Deletes and patches by filter hit all that matches, and nothing that does not when its batch is logged."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import anyio
import numpy as np
import pytest

from asteroid_cloud.api import Store, open_blocking
from asteroid_cloud.api.service import write_by_filter as matching
from asteroid_cloud.client import F
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.model.merge_patch import merge_payload
from asteroid_cloud.query import Filter, Work
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NoSpace, TooLarge
from asteroid_cloud.wal.format.events import PayloadMerged, PayloadReplaced, VectorsDeleted, VectorsUpserted
from asteroid_cloud.wal.lsn import Lsn
from tests.support import oracle
from tests.support.asking import DIM, ZEROS, Http
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

SMALL = EngineOptions(seal_rows=64, segments_max=2, idle_seal_s=0.01, idle_flush_s=0.02)
RED = {"color": "red"}


@pytest.fixture
async def rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Twelve rows, the odd ones red, and batches of two."""
    for name in ("MATCHES_A_BATCH_MAX", "PATCHES_A_BATCH_MAX"):
        monkeypatch.setattr(matching, name, 2)
    await store.insert_batch(
        [(id, ZEROS, {"color": "red" if id % 2 else "blue", "n": id}) for id in range(12)]
    )
    return store


async def colors(store: Store) -> dict[int, Any]:
    """The color of each row."""
    found = [row async for row in store.scroll(include=["payload"])]
    return {row.id: (row.payload or {}).get("color") for row in found}


def interrupt(store: Store, monkeypatch: pytest.MonkeyPatch, before: dict[int, Callable[[], Any]]) -> None:
    """Has others write before the batches of these numbers, counted from 0."""
    alone, number = store.engine.alone, -1

    @asynccontextmanager
    async def late() -> AsyncIterator[None]:
        nonlocal number
        number += 1
        if number in before:
            await before[number]()
        async with alone():
            yield

    monkeypatch.setattr(store.engine, "alone", late)


async def test_all_that_matches_is_deleted(rows: Store) -> None:
    deleted = await rows.delete_many(filter=F("color") == "red")
    assert (deleted, deleted.lsn) == (6, rows.engine.applied_lsn)
    assert await colors(rows) == dict.fromkeys(range(0, 12, 2), "blue")
    before = rows.engine.applied_lsn
    assert await rows.delete_many(filter=RED) == 0
    assert rows.engine.applied_lsn == before, "nothing is logged for nothing"
    assert await rows.delete_many(filter={}) == 6
    assert await rows.count() == 0


async def test_all_that_matches_is_patched(rows: Store) -> None:
    patched = await rows.merge_many({"color": "green", "n": None, "old": {"color": 1}}, filter=RED)
    assert (patched, patched.lsn) == (6, rows.engine.applied_lsn)
    assert await rows.get_payload(3) == {"color": "green", "old": {"color": 1}}
    assert await rows.get_payload(2) == {"color": "blue", "n": 2}
    assert await rows.merge_many({"x": 1}, filter=RED) == 0
    assert await rows.merge_many({"x": 1}, [5, 2, 77, 5]) == 2
    assert await rows.count({"x": 1}) == 2
    assert await rows.merge_many({"x": 2}, []) == 0
    assert await rows.merge_many({}, [1]) == 1


async def test_what_no_longer_matches_is_left_as_it_is(rows: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def others() -> None:
        await rows.merge_payload(5, {"color": "blue"})
        await rows.delete(7)
        await rows.merge_payload(9, {"n": 99})  # changed, and still red
        await rows.merge_payload(11, {"color": "blue"})  # whose batch comes after another one
        await rows.merge_payload(4, {"color": "red"})  # begins to match

    interrupt(rows, monkeypatch, {1: others})
    assert await rows.delete_many(filter=RED) == 3
    blue = dict.fromkeys([*range(0, 12, 2), 5, 11], "blue")
    assert await colors(rows) == blue | {4: "red"}


async def test_a_patch_is_laid_over_what_others_wrote(rows: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def others() -> None:
        await rows.merge_payload(5, {"color": "blue"})
        await rows.upsert(9, ZEROS, {"color": "red", "new": True})
        await rows.delete(11)

    interrupt(rows, monkeypatch, {2: others})
    assert await rows.merge_many({"color": "green"}, filter=RED) == 5 - (5 in {1, 3})
    assert await rows.get_payload(9) == {"color": "green", "new": True}
    assert await rows.count() == 11


async def test_an_index_that_is_new_meanwhile_is_not_touched(
    rows: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def others() -> None:
        await rows.delete_index()
        await rows.create_index(DIM)
        await rows.insert_batch([(id, ZEROS, RED) for id in range(12)])

    interrupt(rows, monkeypatch, {1: others})
    assert await rows.delete_many(filter=RED) == 2
    assert await rows.count() == 12


async def test_a_record_on_its_way_is_waited_for(rows: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is cancelled may leave a record in the log's queue that no turn tells of."""
    log, look, strays = inside(rows.engine).log, rows.reads.at_once, 0

    async def late(function: Callable[[Work], Any], filter: Filter) -> Any:
        nonlocal strays
        found = await look(function, filter)
        if strays < 3:
            strays += 1
            await log.append([PayloadMerged(5, b'{"color":"blue"}')])
        return found

    monkeypatch.setattr(rows.reads, "at_once", late)
    assert await rows.merge_many({"color": "green"}, filter=RED) == 5
    assert (await colors(rows))[5] == "blue"
    assert strays == 3


async def test_an_older_lsn_than_the_newest_is_a_conflict(rows: Store) -> None:
    ids, newest = np.array([1], np.uint64), rows.engine.applied_lsn
    for call in (
        rows.engine.delete(ids, expected_lsn=newest - 1),
        rows.engine.merge_payloads(ids, b'{"a":1}', 7, expected_lsn=newest - 1),
    ):
        with pytest.raises(Conflict) as caught:
            await call
        assert caught.value.code == "lsn_mismatch"
    assert (await colors(rows))[1] == "red"
    assert (await rows.engine.delete(ids, expected_lsn=newest)).affected == 1


async def test_a_payload_that_would_be_too_large_stops_its_batch(rows: Store) -> None:
    await rows.set_payload(7, {"color": "red", "long": "x" * 65_000})
    with pytest.raises(InvalidRequest) as caught:
        await rows.merge_many({"more": "y" * 1_000}, filter=RED)
    assert (caught.value.code, caught.value.details["id"]) == ("bad_payload", 7)
    assert caught.value.details["patched"] == await rows.count(F("more").exists())
    assert "more" not in await rows.get_payload(7)


async def test_an_error_says_how_many_are_done(rows: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full() -> None:
        raise NoSpace("the disk is full")

    interrupt(rows, monkeypatch, {2: full})
    with pytest.raises(NoSpace) as caught:
        await rows.delete_many(filter=RED)
    assert caught.value.details["deleted"] == 4
    assert await rows.count(RED) == 2


async def test_large_patches_make_small_batches(store: Store) -> None:
    await store.insert_batch([(id, ZEROS) for id in range(200)])
    before = store.engine.applied_lsn
    assert await store.merge_many({"text": "x" * 60_000}, filter={}) == 200
    assert store.engine.applied_lsn == before + 200
    assert matching._patches_a_batch(b"x" * 60_000) < 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"patch": {}}, "bad_request"),
        ({"ids": [1], "filter": {}, "patch": {}}, "bad_request"),
        ({"ids": [1]}, "missing_field"),
        ({"ids": [-1], "patch": {}}, "bad_id"),
        ({"ids": 1, "patch": {}}, "bad_id"),
        ({"filter": [], "patch": {}}, "bad_filter"),
        ({"filter": {}, "patch": []}, "bad_payload"),
        ({"filter": {}, "patch": None}, "bad_payload"),
        ({"filter": {}, "patch": {"a": "x" * 65_536}}, "bad_payload"),
        (b'{"filter":{},"patch":{"a":NaN}}', "bad_payload"),
        ({"filter": {}, "patch": {}, "dry": 1}, "unknown_field"),
    ],
)
async def test_a_bad_patch_is_refused(http: Http, body: object, code: str) -> None:
    await http.refused("POST", "/v1/vectors/patch", body, status=400, code=code)


async def test_over_http(http: Http, rows: Store) -> None:
    body: dict[str, Any] = {"filter": {"n": {"$gte": 6}}, "patch": {"color": "green"}}
    told = await http.send("POST", "/v1/vectors/patch", body, status=200)
    assert told == {"patched": 6, "lsn": rows.engine.applied_lsn}
    told = await http.send("POST", "/v1/vectors/patch", {"ids": ["1", 99], "patch": {"n": 0}}, status=200)
    assert told["patched"] == 1
    told = await http.send("POST", "/v1/vectors/delete", {"filter": {"color": "green"}}, status=200)
    assert told == {"deleted": 6, "lsn": rows.engine.applied_lsn}
    await rows.set_payload(3, {"long": "x" * 65_000})
    body = {"filter": {"long": {"$exists": True}}, "patch": {"more": "y" * 1_000}}
    refused = await http.refused("POST", "/v1/vectors/patch", body, status=400, code="bad_payload")
    assert (refused["id"], refused["patched"]) == (3, 0)
    many = {"ids": list(range(10_001)), "patch": {}}
    await http.refused("POST", "/v1/vectors/patch", many, status=413, code="batch_too_large")


async def test_one_of_ids_and_filter_is_given(store: Store) -> None:
    for wrong in ({}, {"ids": [1], "filter": {}}):
        with pytest.raises(InvalidRequest):
            await store.merge_many({}, **wrong)  # type: ignore[arg-type]
    with pytest.raises(TooLarge):
        await store.merge_many({}, range(10_001))


def test_the_blocking_store_does_the_same(tmp_path: Path) -> None:
    with open_blocking(tmp_path, dim=DIM) as store:
        store.insert_batch([(id, ZEROS, {"n": id}) for id in range(5)])
        assert store.merge_many({"n": 9}, filter={"n": {"$lt": 2}}) == 2
        assert store.delete_many(filter={"n": 9}) == 2
        assert store.count() == 3


async def test_the_log_shows_no_record_hit_that_did_not_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers repaint rows while others delete and patch by color; then the log is read from its start."""
    for name in ("MATCHES_A_BATCH_MAX", "PATCHES_A_BATCH_MAX"):
        monkeypatch.setattr(matching, name, 7)
    chance, rows, painting = Random(5), 150, set(range(4))
    async with Store.open(tmp_path, SMALL) as store:
        await store.engine.ready()
        await store.create_index(DIM)

        async def paint(number: int) -> None:
            for _ in range(25):
                ids = [chance.randrange(rows) for _ in range(10)]
                color = chance.choice(["red", "blue", "green"])
                await store.insert_batch([(id, ZEROS, {"color": color}) for id in ids])
            painting.remove(number)

        async def delete() -> None:
            while painting:
                await store.delete_many(filter=RED)

        async def patch() -> None:
            while painting:
                await store.merge_many({"seen": True, "color": "black"}, filter={"color": "blue"})

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(paint, number)
            for task in (delete, patch):
                group.start_soon(task)
        hits = follow(store)
        assert min(hits.values()) > 20, "both met many"
        left = {row.id: row.payload async for row in store.scroll(include=["payload"])}
        await store.delete_many(filter=RED)
        assert await store.count(RED) == 0
        assert left.keys() >= (await colors(store)).keys()


def follow(store: Store) -> dict[str, int]:
    """Folds the log into a dict; every delete and patch in it must hit what matches at that record."""
    model: dict[int, bytes] = {}
    hits = {"deleted": 0, "patched": 0}
    for record in inside(store.engine).log.read(Lsn(1)):
        match record.event:
            case VectorsUpserted(ids, _, payloads):
                assert payloads is not None
                for id, payload in zip(np.frombuffer(ids, "<u8").tolist(), payloads, strict=True):
                    model[id] = payload or b"{}"
            case VectorsDeleted(ids):
                for id in np.frombuffer(ids, "<u8").tolist():
                    assert oracle.matches(RED, json.loads(model.pop(id)))
                    hits["deleted"] += 1
            case PayloadMerged(id, patch):
                assert oracle.matches({"color": "blue"}, json.loads(model[id]))
                model[id] = merge_payload(model[id], patch)
                hits["patched"] += 1
            case PayloadReplaced():
                raise AssertionError("nobody replaces payloads here")
    return hits
