"""Which reads run in place and which in a thread, and what ends them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud import query
from asteroid_cloud.api import Store
from asteroid_cloud.api.service.read_executor import (
    BYTES_IN_PLACE_MAX,
    WORK_IN_PLACE_MAX,
    ReadExecutor,
)
from asteroid_cloud.api.service.reading.bounds import ReadBounds
from asteroid_cloud.api.service.reading.lanes import MIDDLING_WORK_MAX, SHORT_WORK_MAX
from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query import (
    MATCH_ALL,
    Filter,
    FilterCache,
    SearchRequest,
    Wanted,
    Work,
    estimates,
    parse_filter,
)
from asteroid_cloud.query.work import STEPS_MAX
from asteroid_cloud.wal.errors import Cancelled, TooCostly

pytestmark = pytest.mark.anyio

DIM = 256
VECTOR = np.zeros(DIM, np.float32)


async def filled(store: Store, rows: int) -> None:
    await store.insert_batch(((id, VECTOR, {"n": id}) for id in range(rows)), chunk_size=5_000)


def is_short(reads: ReadExecutor, snapshot: Snapshot, request: SearchRequest) -> bool:
    return estimates.of_search(snapshot, request, reads.filter_cache) <= WORK_IN_PLACE_MAX


async def test_work_decides_where_a_search_runs(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=DIM) as store:
        await filled(store, 40_000)
        await store.flush()
        reads, snapshot = store.reads, store.engine.snapshot()
        assert [view.part.is_flat for view in snapshot.parts] == [False] * len(snapshot.parts)
        assert is_short(reads, snapshot, SearchRequest(vector=VECTOR))
        assert not is_short(reads, snapshot, SearchRequest(vector=VECTOR, exact=True))
        assert not is_short(reads, snapshot, SearchRequest(vector=VECTOR, ef_search=20_000))
        assert not is_short(reads, snapshot, SearchRequest(vector=VECTOR, k=10_000, include_payload=True))


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


COSTLY = parse_filter({"$or": [{"list": {"$contains_any": [-n]}} for n in range(1, 150)]})


class Held:
    """Lets ``query.count`` begin, and go on once it is told to or the read is cancelled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began = 0
        self.ended: list[type] = []
        self.over = threading.Event()
        monkeypatch.setattr(query, "count", self)

    def __call__(self, snapshot: Snapshot, cache: FilterCache, filter: Filter, work: Work) -> int:
        self.began += 1
        try:
            while not self.over.wait(0.001):
                work.check()
        except Cancelled:
            self.ended.append(Cancelled)
            raise
        return 7

    async def has_begun(self, times: int) -> None:
        while self.began < times:
            await anyio.sleep(0)


@asynccontextmanager
async def executor(tmp_path: Path, **bounds: float) -> AsyncIterator[tuple[ReadExecutor, Snapshot]]:
    """Reads of a store with rows whose payloads make filters costly."""
    async with api.open(tmp_path, dim=2) as store:
        payload = {"list": list(range(1_000))}
        await store.insert_batch(((id, [0.0, 0.0], payload) for id in range(800)), chunk_size=100)
        yield ReadExecutor(store.engine, bounds=ReadBounds(**bounds)), store.engine.snapshot()


async def test_long_reads_leave_threads_to_short_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    async with executor(tmp_path) as (reads, snapshot), anyio.create_task_group() as group:
        assert estimates.of_count(snapshot, COSTLY, reads.filter_cache) > SHORT_WORK_MAX
        for _ in range(20):
            group.start_soon(reads.count, snapshot, COSTLY)
        await held.has_begun(1)
        page = await reads.scroll(snapshot, MATCH_ALL, 5, None, Wanted(payload=True))
        assert len(page.records) == 5
        assert held.ended == []
        assert held.began < 20, "the others wait for a thread of the long ones"
        group.cancel_scope.cancel()


async def test_a_caller_that_is_cancelled_ends_its_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    async with executor(tmp_path) as (reads, snapshot):
        async with anyio.create_task_group() as group:
            group.start_soon(reads.count, snapshot, COSTLY)
            await held.has_begun(1)
            group.cancel_scope.cancel()
        assert held.ended == [Cancelled]


async def test_a_read_beyond_its_budget_is_refused_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    async with executor(tmp_path, budget_s=0.001) as (reads, snapshot):
        with pytest.raises(TooCostly, match=r'the filter or\(\["list"\]any') as caught:
            await reads.count(snapshot, COSTLY)
        assert caught.value.details == {"limit_s": 0.001}
    assert held.began == 0


async def test_what_costs_more_than_was_estimated_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "of_count", lambda *_: 0.0)
    async with executor(tmp_path, budget_s=0.001) as (reads, snapshot):
        with pytest.raises(TooCostly, match="takes more work"):
            await reads.count(snapshot, COSTLY)
        assert len(reads.filter_cache) == 0


async def test_a_short_read_that_proves_long_begins_again_among_the_long_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, works = query.count, list[int]()

    def count(snapshot: Snapshot, cache: FilterCache, filter: Filter, work: Work) -> int:
        works.append(work.native.steps_max)
        return counted(snapshot, cache, filter, work)

    monkeypatch.setattr(query, "count", count)
    monkeypatch.setattr(estimates, "of_count", lambda *_: 0.0)
    async with executor(tmp_path) as (reads, snapshot):
        short, middling, long = reads.lanes.storeys
        reads.lanes.storeys = (short._replace(done_max=1_000), middling._replace(done_max=2_000), long)
        assert await reads.count(snapshot, COSTLY) == 0
    assert works == [1_000, 2_000, STEPS_MAX]


async def test_reads_of_about_the_same_cost_share_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, costs = Held(monkeypatch), (1e12, MIDDLING_WORK_MAX, SHORT_WORK_MAX)
    monkeypatch.setattr(estimates, "of_count", lambda *_: costs[held.began])
    async with executor(tmp_path) as (reads, snapshot), anyio.create_task_group() as group:
        for _ in costs:
            begun = held.began
            group.start_soon(reads.count, snapshot, COSTLY)
            await held.has_begun(begun + 1)
        group.cancel_scope.cancel()


async def test_a_read_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Held(monkeypatch)
    async with executor(tmp_path, deadline_s=0.05) as (reads, snapshot):
        with pytest.raises(TooCostly, match=r"longer than 0\.0\d* s"):
            await reads.count(snapshot, COSTLY)


async def test_bytes_are_told_once_though_a_read_begins_again(tmp_path: Path) -> None:
    told = list[int]()
    async with executor(tmp_path) as (reads, snapshot):
        wanted = SearchRequest(vector=np.zeros(2, np.float32), k=300, include_payload=True)
        assert estimates.of_search(snapshot, wanted, reads.filter_cache) <= WORK_IN_PLACE_MAX
        result = await reads.search(snapshot, wanted, told.append)
    assert result.payloads is not None
    assert sum(told) == sum(map(len, result.payloads)) > BYTES_IN_PLACE_MAX


async def test_bulk_loads_keep_no_read_waiting(tmp_path: Path) -> None:
    began, over = threading.Event(), threading.Event()

    def parse() -> None:
        began.set()
        assert over.wait(30)

    async with executor(tmp_path) as (reads, snapshot), anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(reads.for_load, parse)
        while not began.is_set():
            await anyio.sleep(0)
        assert len((await reads.scroll(snapshot, MATCH_ALL, 5, None, Wanted(payload=True))).records) == 5
        assert await reads.count(snapshot, parse_filter({"none": 1})) == 0
        over.set()
