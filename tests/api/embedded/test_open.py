"""Opening a store in one's own program: what persists, what conflicts, and the blocking twin."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LockHeld, NotFound, Overloaded

DIM = 4


@pytest.mark.anyio
async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM, metric="cosine") as store:
        await store.insert(2**64 - 1, [1, 2, 3, 4], {"a": 1})
        await store.insert(1, [1, 2, 3, 4])
        written = await store.delete(1)
    async with api.open(str(tmp_path)) as store:
        assert (await store.get_index()).metric == "cosine"
        assert await store.get_payload(2**64 - 1) == {"a": 1}
        assert await store.count(min_lsn=written.lsn) == 1
    async with api.open(tmp_path, dim=DIM, metric="COSINE") as store:
        assert [hit.id for hit in await store.search([1, 2, 3, 4])] == [2**64 - 1]


@pytest.mark.anyio
@pytest.mark.parametrize(("dim", "metric"), [(5, "cosine"), (4, "l2")])
async def test_an_index_unlike_the_one_asked_for_is_a_conflict(tmp_path: Path, dim: int, metric: str) -> None:
    async with api.open(tmp_path, dim=DIM, metric="cosine"):
        pass
    with pytest.raises(Conflict, match="dimension 4") as caught:
        async with api.open(tmp_path, dim=dim, metric=metric):
            pass
    assert caught.value.code == "index_differs"


@pytest.mark.anyio
async def test_a_directory_is_open_once(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM):
        with pytest.raises(LockHeld):
            async with api.open(tmp_path):
                pass


@pytest.mark.anyio
async def test_without_a_dimension_there_is_no_index_yet(tmp_path: Path) -> None:
    async with api.open(tmp_path) as store:
        assert not await store.ready()
        with pytest.raises(Conflict, match="no index"):
            await store.count()


@pytest.mark.anyio
async def test_a_store_answers_while_it_recovers(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM) as store:
        await store.insert(1, [0, 0, 0, 0])
    async with Store.open(tmp_path) as store:
        assert await store.health()
        assert not await store.ready()
        with pytest.raises(Overloaded) as caught:
            await store.search([0, 0, 0, 0])
        assert caught.value.code == "not_ready"
        await store.engine.ready()
        assert await store.count() == 1


def test_the_blocking_store_does_what_the_other_does(tmp_path: Path) -> None:
    vectors = np.eye(DIM, dtype=np.float32)
    with api.open_blocking(tmp_path, dim=DIM) as store:
        assert store.health()
        assert store.ready()
        assert store.insert(0, vectors[0], {"n": 0}).id == 0
        store.upsert(1, vectors[1])
        assert store.insert_batch((id, vectors[id], {"n": id}) for id in range(2, DIM)) == 2
        store.set_payload(1, {"n": 1, "x": 1})
        store.merge_payload(1, {"x": None})
        assert store.get_payload(1) == {"n": 1}
        assert store.get(3).vector == pytest.approx(vectors[3], abs=0.01)
        assert [hit.id for hit in store.search(vectors[2], k=1, include=["payload"])] == [2]
        assert [[hit.id for hit in hits] for hits in store.search_batch(vectors, k=1)] == [[0], [1], [2], [3]]
        assert [row.id for row in store.fetch([3, 9, 0])] == [3, 0]
        assert [row.payload for row in store.scroll({"n": {"$gt": 1}}, page_size=1, include=["payload"])] == [
            {"n": 2},
            {"n": 3},
        ]
        assert store.count({"n": 3}) == 1
        assert store.delete_many(filter={"n": 3}) == 1
        written = store.delete(2)
        assert store.count(min_lsn=written.lsn) == 2
        assert store.wait_for(written.lsn) == written.lsn
        store.flush()
        assert store.stats().segments == 1
        with pytest.raises(NotFound):
            store.get(2)
        with pytest.raises(InvalidRequest):
            store.insert(-1, vectors[0])
        with pytest.raises(Overloaded):
            store.wait_for(written.lsn + 1, timeout=0.01)
        assert store.get_index().dim == DIM
        assert store.delete_index().initialized is False
        store.create_index(DIM, "ip")
        assert store.bulk_build(np.ones((10, DIM)), threads=1).n == 10
    with api.open_blocking(tmp_path) as store:
        assert store.count() == 10


def test_blocking_reads_run_in_the_callers_thread_from_many_threads(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=DIM) as store:
        store.insert_batch((id, np.full(DIM, id)) for id in range(200))
        wrong: list[list[int]] = []

        def read(id: int) -> None:
            for _ in range(20):
                found = [hit.id for hit in store.search(np.full(DIM, id), k=1)]
                if found != [id]:
                    wrong.append(found)

        threads = [threading.Thread(target=read, args=(id,)) for id in range(4)]
        for thread in threads:
            thread.start()
        for id in range(200, 250):
            store.insert(id, np.full(DIM, id))
        for thread in threads:
            thread.join()
        assert wrong == []


def test_an_error_in_the_body_closes_the_blocking_store(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), api.open_blocking(tmp_path, dim=DIM):
        raise RuntimeError("mine")
    with api.open_blocking(tmp_path) as store:
        assert store.get_index().dim == DIM
