"""Which searches run in place and which in a thread."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud import query
from asteroid_cloud.api import Store
from asteroid_cloud.query import SearchRequest, parse_filter

pytestmark = pytest.mark.anyio

DIM = 256
VECTOR = np.zeros(DIM, np.float32)


async def filled(store: Store, rows: int) -> None:
    await store.insert_batch(((id, VECTOR, {"n": id}) for id in range(rows)), chunk_size=5_000)


async def test_work_decides_where_a_search_runs(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM) as store:
        await filled(store, 40_000)
        await store.flush()
        reads, snapshot = store.reads, store.engine.snapshot()
        assert [view.part.is_flat for view in snapshot.parts] == [False] * len(snapshot.parts)
        assert reads.is_short(snapshot, SearchRequest(vector=VECTOR))
        assert not reads.is_short(snapshot, SearchRequest(vector=VECTOR, exact=True))
        assert not reads.is_short(snapshot, SearchRequest(vector=VECTOR, ef_search=20_000))
        assert not reads.is_short(snapshot, SearchRequest(vector=VECTOR, k=10_000, include_payload=True))


async def test_a_filter_is_evaluated_in_a_thread_the_first_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran_in: list[threading.Thread] = []
    searched = query.search

    def search(*arguments: object) -> object:
        ran_in.append(threading.current_thread())
        return searched(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(query, "search", search)
    async with api.open(tmp_path, dim=DIM) as store:
        await filled(store, 6_000)
        snapshot = store.engine.snapshot()
        wanted = SearchRequest(vector=VECTOR, filter=parse_filter({"n": {"$lt": 7}}))
        for _ in range(2):
            assert len(await store.reads.search(snapshot, wanted)) == 7
        await store.insert(7_000, VECTOR, {"n": 1})  # one row more to evaluate is little work
        assert len(await store.reads.search(store.engine.snapshot(), wanted)) == 8
    here = threading.current_thread()
    assert [thread is here for thread in ran_in] == [False, True, True]
