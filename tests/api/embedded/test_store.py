"""The embedded store: the client's methods, awaited, with Python values in and typed results out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from asteroid_cloud.api import Search, Store
from asteroid_cloud.wal.errors import (
    AsteroidError,
    Conflict,
    InvalidRequest,
    NotFound,
    Overloaded,
    TooLarge,
)
from tests.support.asking import DIM, ZEROS

pytestmark = pytest.mark.anyio


async def refused(
    call: Awaitable[object], code: str, kind: type[AsteroidError] = InvalidRequest
) -> AsteroidError:
    with pytest.raises(kind) as caught:
        await call
    assert caught.value.code == code
    return caught.value


async def test_vectors_come_as_lists_and_arrays_of_any_number_type(store: Store) -> None:
    vectors: list[Any] = [
        [1, 2, 3, 4],
        (1.0, 2.0, 3.0, 4.0),
        np.array([1, 2, 3, 4], np.float64),
        np.array([1, 2, 3, 4], np.int8),
        np.array([1, 9, 2, 9, 3, 9, 4, 9], np.float32)[::2],
    ]
    for id, vector in enumerate(vectors):
        written = await store.insert(id, vector)
        assert (written.id, written["id"]) == (id, id)
        record = await store.get(np.uint64(id))  # type: ignore[arg-type]
        assert record.vector.dtype == np.float32
        assert record.array() == pytest.approx([1, 2, 3, 4], abs=0.02)
        assert dict(record).keys() == {"id", "vector", "lsn"}
        hits = await store.search(vector, k=1, id=None)
        assert hits[0].distance == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    "id", [-1, 2**64, 1.0, True, None, "x", "01", "-1", np.float32(1), np.bool_(True), b"1"]
)
async def test_a_bad_id_is_refused(store: Store, id: Any) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.insert(id, ZEROS),
        lambda: store.upsert(id, ZEROS),
        lambda: store.get(id),
        lambda: store.delete(id),
        lambda: store.get_payload(id),
        lambda: store.set_payload(id, {}),
        lambda: store.merge_payload(id, {}),
        lambda: store.fetch([1, id]),
        lambda: store.delete_many([1, id]),
    ]
    for call in calls:
        await refused(call(), "bad_id")


@pytest.mark.parametrize(
    ("vector", "code"),
    [
        ([1, 2, 3], "wrong_dim"),
        ([], "wrong_dim"),
        ([[1, 2, 3, 4]], "bad_vector"),
        ([1, 2, 3, float("nan")], "bad_vector"),
        ([1, 2, 3, 1e39], "bad_vector"),
        ([1, 2, 3, "4"], "bad_vector"),
        ([1, 2, 3, None], "bad_vector"),
        ([True, False, True, False], "bad_vector"),
        ([1, 2, [3], 4], "bad_vector"),
        (np.array([1, 2, 3, 4j]), "bad_vector"),
        ("1234", "bad_vector"),
    ],
)
async def test_a_bad_vector_is_refused(store: Store, vector: Any, code: str) -> None:
    await refused(store.insert(1, vector), code)
    await refused(store.search(vector), code)
    error = await refused(store.insert_batch([(0, ZEROS), (1, vector)]), "bad_item")
    assert error.details == {"index": 1, "reason": code, "inserted": 0}
    assert await store.count() == 0


@pytest.mark.parametrize(
    "payload",
    [[], 1, "x", {"a": float("nan")}, {"a": object()}, {"a": "x" * 65_536}, {"a": "\ud800"}, {1j: 1}],
)
async def test_a_bad_payload_is_refused(store: Store, payload: Any) -> None:
    await store.insert(1, ZEROS)
    await refused(store.insert(1, ZEROS, payload), "bad_payload")
    await refused(store.set_payload(1, payload), "bad_payload")
    await refused(store.merge_payload(1, payload), "bad_payload")
    await refused(store.insert_batch([(1, ZEROS, payload)]), "bad_item")


async def test_a_payload_that_holds_itself_is_refused(store: Store) -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    await refused(store.insert(1, ZEROS, loop), "bad_payload")
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    await refused(store.insert(1, ZEROS, deep), "bad_payload")


async def test_payloads_live_with_their_vector(store: Store) -> None:
    await store.insert(1, ZEROS, {"a": np.int64(1), "big": 2**64 - 1, "deep": {"x": [1.0, None]}})
    assert await store.get_payload(1) == {"a": 1, "big": 2**64 - 1, "deep": {"x": [1.0, None]}}
    await store.merge_payload(1, {"a": None, "deep": {"y": 2}})
    assert await store.get_payload(1) == {"big": 2**64 - 1, "deep": {"x": [1.0, None], "y": 2}}
    await store.upsert(1, ZEROS)
    await store.merge_payload(1, {})
    assert len(await store.get_payload(1)) == 2
    await store.set_payload(1, {"only": None})
    assert await store.get_payload(1) == {"only": None}
    await store.upsert(1, ZEROS, {})
    assert await store.get_payload(1) == {}
    await store.delete(1)
    for call in (store.get(1), store.get_payload(1), store.set_payload(1, {}), store.merge_payload(1, {})):
        await refused(call, "not_found", NotFound)


async def test_batches_come_from_any_iterable(store: Store) -> None:
    async def later() -> AsyncIterator[tuple[int, list[float], dict[str, Any] | None]]:
        for id in range(25):
            yield id, [float(id)] * DIM, {"n": id} if id % 2 else None

    stored = await store.insert_batch(later(), chunk_size=10, parallel=4, progress=True)
    assert (stored, stored.count) == (25, 25)
    assert stored.lsn == store.engine.applied_lsn
    assert await store.insert_batch((id, ZEROS) for id in range(20, 30)) == 10
    assert await store.count() == 30
    assert await store.get_payload(21) == {"n": 21}
    assert await store.insert_batch([]) == 0


async def test_a_bad_item_stops_at_its_batch_and_says_what_was_stored(store: Store) -> None:
    items: list[Any] = [(id, ZEROS) for id in range(25)]
    items[13] = (13, [1.0])
    error = await refused(store.insert_batch(items, chunk_size=10), "bad_item")
    assert error.details == {"index": 13, "reason": "wrong_dim", "inserted": 10}
    assert await store.count() == 10
    for bad in [(1,), 1, (1, ZEROS, {}, 4)]:
        error = await refused(store.insert_batch([bad]), "bad_item")  # type: ignore[list-item]
        assert error.details["index"] == 0
    for size in (0, 10_001):
        await refused(store.insert_batch([], chunk_size=size), "bad_chunk")


async def test_sets_of_ids(store: Store) -> None:
    await store.insert_batch([(id, [float(id)] * DIM, {"odd": id % 2}) for id in range(10)])
    rows = await store.fetch(np.array([3, 99, 1], np.uint64), include=["payload", "vector"])
    assert [(row.id, row["payload"]) for row in rows] == [(3, {"odd": 1}), (1, {"odd": 1})]
    assert rows[0].vector is not None
    assert rows[0].vector == pytest.approx([3] * DIM, abs=0.02)
    assert [row.payload for row in await store.fetch([3])] == [None]
    assert await store.delete_many([0, 0, 1, 99]) == 2
    gone = await store.delete_many(filter={"odd": 1})
    assert (gone, gone.lsn) == (4, store.engine.applied_lsn)
    assert [row.id async for row in store.scroll(page_size=2)] == [2, 4, 6, 8]
    assert [row.id async for row in store.scroll({"odd": 1})] == []
    both: dict[str, Any] = {"ids": [1], "filter": {}}
    for arguments in ({}, both):
        await refused(store.delete_many(**arguments), "bad_request")
    await refused(store.fetch(range(10_001)), "batch_too_large", TooLarge)
    await refused(store.fetch([1], include=["id"]), "bad_include")


async def test_searches_of_every_kind(store: Store) -> None:
    await store.insert_batch([(id, [float(id), 0, 0, 0], {"n": id}) for id in range(10)])
    hits = await store.search(ZEROS, 2, None, {"n": {"$gt": 4}}, include=["payload", "vector"], explain=True)
    assert [(hit.id, hit["id"], hit.payload) for hit in hits] == [(5, 5, {"n": 5}), (6, 6, {"n": 6})]
    assert hits.lsn == store.engine.applied_lsn
    assert hits.explain is not None
    assert hits.explain.matches == 5
    assert [hit.id for hit in await store.search(id=4, k=2)] == [3, 5]
    assert [hit.id for hit in await store.search(ZEROS, k=2, offset=1, exact=True)] == [1, 2]
    assert [hit.id for hit in await store.search(ZEROS, max_distance=1.5)] == [0, 1]
    many = await store.search_batch(np.zeros((2, DIM)), k=1)
    assert [[hit.id for hit in hits] for hits in many] == [[0], [0]]
    mixed = await store.search_batch([ZEROS, Search(id=9, k=1)], k=2, filter={"n": {"$gt": 1}})
    assert [[hit.id for hit in hits] for hits in mixed] == [[2, 3], [8]]
    for fields, code in [
        ({"k": 0}, "bad_k"),
        ({"k": 1.0}, "bad_k"),
        ({"ef_search": 0}, "bad_ef_search"),
        ({"filter": {"$no": 1}}, "bad_filter"),
        ({"include": "payload"}, "bad_include"),
        ({"exact": 1}, "bad_exact"),
        ({"max_distance": float("inf")}, "bad_max_distance"),
        ({"id": 1}, "bad_vector"),
    ]:
        await refused(store.search(ZEROS, **fields), code)  # type: ignore[arg-type]


async def test_reads_wait_for_the_lsn_they_want(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asteroid_cloud.api.service.read_executor.MIN_LSN_WAIT_S_MAX", 0.01)
    written = await store.insert(1, ZEROS)
    assert (await store.get(1, min_lsn=written.lsn)).lsn == written.lsn
    assert await store.wait_for(written.lsn) == written.lsn
    for call in (
        store.get(1, min_lsn=written.lsn + 1),
        store.get_payload(1, min_lsn=written.lsn + 1),
        store.search(ZEROS, min_lsn=written.lsn + 1),
        store.search_batch([ZEROS], min_lsn=written.lsn + 1),
        store.count(min_lsn=written.lsn + 1),
        store.fetch([1], min_lsn=written.lsn + 1),
        store.wait_for(written.lsn + 1, timeout=0.01),
    ):
        await refused(call, "not_caught_up", Overloaded)


async def test_the_index_from_its_creation_to_its_end(store: Store) -> None:
    assert await store.health()
    assert await store.ready()
    info = await store.get_index()
    assert (info.initialized, info.dim, info.metric) == (True, DIM, "l2")
    await refused(store.create_index(DIM), "index_already_initialized", Conflict)
    assert (await store.delete_index()).initialized is False
    assert (await store.get_index()).dim is None
    assert not await store.ready()
    assert (await store.stats()).vectors == 0
    await refused(store.insert(1, ZEROS), "index_not_initialized", Conflict)
    await refused(store.search(ZEROS), "index_not_initialized", Conflict)
    await refused(store.create_index(0), "bad_dim")
    await refused(store.create_index(2, "l7"), "bad_metric")
    assert (await store.create_index(2, "Cosine")).metric == "cosine"
    await store.insert(1, [1, 0])
    await store.flush()
    stats = await store.stats()
    assert (stats.vectors, stats["dim"], stats.segments, stats.tail_rows) == (1, 2, 1, 0)
    assert stats.memory_bytes > 0


async def test_bulk_builds_from_arrays_lists_and_files(store: Store, tmp_path: Path) -> None:
    vectors = np.random.default_rng(5).random((300, DIM))
    np.save(tmp_path / "vectors.npy", vectors)
    (tmp_path / "vectors.f32").write_bytes(vectors.astype("<f4").tobytes())
    sources: list[Any] = [vectors, vectors.tolist(), tmp_path / "vectors.npy", str(tmp_path / "vectors.f32")]
    payloads = [{"row": row} if row % 2 else None for row in range(300)]
    for source in sources:
        report = await store.bulk_build(source, threads=1, payloads=payloads)
        assert (report.n, report.threads, report.payloads_written) == (300, 1, 150)
        hits = await store.search(vectors[7], k=1, include=["payload"])
        assert (hits[0].id, hits[0].payload) == (7, {"row": 7})
        await refused(store.bulk_build(source), "index_not_empty", Conflict)
        await store.delete_many(filter={})


async def test_numbers_of_any_size_come_in_by_every_way(store: Store) -> None:
    for size in (3e38, 1e-40):
        rows = np.array([[size, -size, 0, 0], [0, 0, size, size], [size, size, size, size]], np.float32)
        await store.bulk_build(rows[:1], threads=1)
        await store.insert(1, rows[1])
        await store.insert_batch([(2, rows[2])])
        for is_sealed in (False, True):
            if is_sealed:
                await store.flush()
            hits = await store.search(-rows[0], k=3)
            assert [hit.id for hit in hits] == [1, 2, 0]
            true = [float(np.linalg.norm(rows[hit.id] + rows[0].astype(np.float64))) for hit in hits]
            assert [hit.distance for hit in hits] == pytest.approx(true, rel=1e-4)
        await store.delete_many(filter={})


async def test_a_bad_bulk_build_leaves_nothing(store: Store, tmp_path: Path) -> None:
    good = np.zeros((10, DIM), np.float32)
    bad = good.copy()
    bad[9, 3] = np.nan
    (tmp_path / "odd.f32").write_bytes(b"\0" * 17)
    (tmp_path / "text.npy").write_bytes(b"not numpy")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"vectors": bad}, "bad_vector"),
        ({"vectors": np.zeros((10, DIM + 1))}, "wrong_dim"),
        ({"vectors": np.zeros((0, DIM))}, "bad_payload"),
        ({"vectors": np.zeros(DIM)}, "bad_vector"),
        ({"vectors": good, "payloads": [None] * 9}, "bad_payload"),
        ({"vectors": good, "payloads": [1] * 10}, "bad_payload"),
        ({"vectors": good, "threads": -1}, "bad_threads"),
        ({"vectors": tmp_path / "odd.f32"}, "bad_file"),
        ({"vectors": tmp_path / "text.npy"}, "bad_file"),
        ({"vectors": tmp_path / "none.f32"}, "bad_file"),
    ]
    for arguments, code in cases:
        await refused(store.bulk_build(**arguments), code)
        assert await store.count() == 0


async def test_recall_is_measured_one_row_at_a_time_beside_other_calls(store: Store) -> None:
    rows = np.random.default_rng(1).normal(size=(300, DIM)).astype(np.float32)
    await store.insert_batch((id, row, {"odd": id % 2 == 1}) for id, row in enumerate(rows))
    measured = await store.recall(50, 5)
    assert (measured.recall, measured["worst"], measured.samples) == (1.0, 1.0, 50)
    assert measured.lsn == (await store.stats()).lsn
    async with anyio.create_task_group() as group:
        group.start_soon(store.recall, 1_000)
        with anyio.move_on_after(0):
            await store.recall(1_000)
        assert len(await store.search(rows[0], k=3)) == 3
    await refused(store.recall(num=1_001), "bad_num")
    await refused(store.recall(k=10_001), "bad_k")
    await refused(store.recall(filter={"a": {"$what": 1}}), "bad_filter")


async def test_writes_say_what_is_to_happen_where_an_id_exists(store: Store) -> None:
    told = await store.insert_batch([(1, ZEROS), (1, ZEROS), (2, ZEROS)], on_existing="skip")
    assert (told, told.replaced, told.skipped, told.lsn) == (2, 0, 1, store.engine.applied_lsn)
    items: list[Any] = [(3, ZEROS), (4, ZEROS), {"id": 2, "vector": ZEROS, "if_match": told.lsn - 1}]
    error = await refused(store.insert_batch(items, chunk_size=2), "precondition_failed", Conflict)
    assert (error.details["index"], error.details["inserted"]) == (2, 2)
    error = await refused(
        store.insert_batch([(9, ZEROS), (4, ZEROS)], on_existing="fail"), "id_exists", Conflict
    )
    assert error.details["index"] == 1
    assert (await store.insert(4, ZEROS, on_existing="skip")).result == "skipped"
    assert (await store.upsert(4, ZEROS)).result == "replaced"
    await refused(store.insert(4, ZEROS, on_existing="fail"), "id_exists", Conflict)
    await refused(store.insert(4, ZEROS, on_existing="no"), "bad_on_existing")  # type: ignore[arg-type]
    bad = {"id": 1, "vector": ZEROS, "if_match": 1.5}
    assert (await refused(store.insert_batch([bad]), "bad_item")).details["reason"] == "bad_if_match"


async def test_write_and_set(store: Store) -> None:
    await store.insert_batch([(id, ZEROS, {"n": id}) for id in range(5)])
    told = await store.write(
        delete_filters=[{"n": {"$lt": 2}}],
        upserts=[(0, ZEROS, {"new": 1}), {"id": 3, "vector": ZEROS, "on_existing": "skip"}],
        patches=[{"id": 2, "patch": {"p": 1}}],
        sets=[{"id": 3, "unset": ["n"]}],
    )
    counts = {"deleted": 2, "inserted": 1, "replaced": 0, "skipped": 1, "patched": 1, "set": 1}
    assert dict(told) == {"lsn": store.engine.applied_lsn} | counts
    rows = await store.fetch(range(5), include=["payload"])
    assert {row.id: row.payload for row in rows} == {0: {"new": 1}, 2: {"n": 2, "p": 1}, 3: {}, 4: {"n": 4}}
    error = await refused(
        store.write(sets=[{"id": 0, "set": {}}, {"id": 1, "set": {}}]), "not_found", NotFound
    )
    assert (error.details["list"], error.details["index"]) == ("sets", 1)
    for wrong, where in (
        ({"upserts": [(0, ZEROS), (0, [1])]}, "upserts"),
        ({"patches": [{"id": 0, "patch": {}}, {"id": 0, "patch": 1}]}, "patches"),
        ({"sets": [{"id": 0, "set": {}}, {"id": 0}]}, "sets"),
    ):
        call: Any = store.write(**wrong)  # type: ignore[arg-type]
        error = await refused(call, "bad_item")
        assert (error.details["list"], error.details["index"]) == (where, 1)
    await refused(store.write(), "empty_batch")
    assert await store.set({"a": {"b": 1}}, [0, 1, 2]) == 2
    assert await store.set(filter={"a.b": 1}, unset=["a.b"]) == 2
    await refused(store.set({"a": 1}), "bad_request")
