"""The blocking store: the same calls, from any thread."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud import query
from asteroid_cloud.wal.errors import InvalidRequest, NotFound, Overloaded

DIM = 4


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
        assert dict(store.recall(2, 1)) == {"recall": 1, "worst": 1, "samples": 2, "lsn": store.stats().lsn}
        told = store.insert_batch([(0, vectors[0]), (9, vectors[0])], on_existing="skip")
        assert (told, told.replaced, told.skipped) == (1, 0, 1)
        changed = store.write(deletes=[9], sets=[{"id": 0, "set": {"s": None}, "unset": ["n"]}])
        assert (changed.deleted, changed.set) == (1, 1)
        assert store.set({"n": 0}, [0], unset=["s"]) == 1
        assert store.get_payload(0) == {"n": 0}
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


def test_the_feed_and_the_upkeep_of_a_blocking_store(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path / "data", dim=DIM, log_retention_bytes=2**20) as store:
        first = store.insert(1, np.ones(DIM), {"n": 1})
        last = store.delete(1)
        found = list(store.changes(first.lsn - 1, follow=False))
        assert [(each.lsn, each.kind) for each in found] == [(first.lsn, "upsert"), (last.lsn, "delete")]
        for each in store.changes(first.lsn - 1):
            assert each.lsn == first.lsn
            break  # an endless feed ends when nobody asks for more
        store.insert(2, np.ones(DIM), {"n": 1})
        assert store.facets("n").values[0].count == 1
        assert store.field_range("n").rows_with_field == 1
        assert store.tag("a").name == "a"
        assert [tag.name for tag in store.tags()] == ["a"]
        store.untag("a")
        assert store.backup(tmp_path / "backup").files > 0
        assert store.purge().tags_removed == []
        assert store.recovery().mode == "tail"


def test_reads_run_in_the_callers_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    search = query.search

    def seen(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return search(*arguments)

    monkeypatch.setattr(query, "search", seen)
    with api.open_blocking(tmp_path, dim=DIM) as store:
        written = store.insert(1, np.ones(DIM))
        assert [hit.id for hit in store.search(np.ones(DIM), min_lsn=written.lsn)] == [1]
    assert threads == [threading.get_ident()]
