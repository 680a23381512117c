"""The memory budget holds: memtables, payloads, deletions and builds stay in bounds."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Building, EngineOptions, IndexSpec
from asteroid_cloud.indexer.build.construction import Construction, Work
from asteroid_cloud.indexer.build.payload_order import PayloadOrder, payload_windows
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.build_sizes import BuildSizes
from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.limits import KIB, MIB
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import budget_of, contents, opened, u64, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

BY_HAND = EngineOptions(idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4)
LONG = b'{"s":"%s"}' % (b"x" * 60_000)


async def test_a_memtable_is_closed_before_it_is_too_large_to_be_sealed(tmp_path: Path) -> None:
    options = EngineOptions(memory_budget_bytes=8 * MIB, idle_seal_s=600, idle_flush_s=600, ef_construction=5)
    async with opened(tmp_path, options) as engine:
        await engine.create_index(200, "l2")
        rows_max = BuildSizes(budget_of(options), options.links_max).memtable_rows_max(IndexSpec(200, "l2"))
        assert rows_max == 1024
        for first in range(0, 2100, 300):
            await engine.upsert(np.arange(first, first + 300, dtype=np.uint64), vectors(300, 200), None)
        await engine.flush()
        rows = [segment.rows for segment in inside(engine).state.segments]
        assert sum(rows) == 2100
        assert max(rows) <= rows_max


async def test_payloads_that_a_new_vector_keeps_stay_where_they_are(tmp_path: Path) -> None:
    async with opened(tmp_path / "live", BY_HAND) as engine:
        await engine.create_index(4, "l2")
        ids = u64(*range(40))
        await engine.upsert(ids, vectors(40, 4), [LONG] * 39 + [None])
        await engine.flush()
        await engine.upsert(ids, vectors(40, 4, 1), None)
        await engine.upsert(ids[:20], vectors(20, 4, 2), None)  # kept once more, from the tail
        assert engine.stats().tail_rows == 60
        assert engine.stats().tail_bytes < 60 * 300, "not the 40 texts of 60 kB"
        texts = {id_: payload for id_, (_, payload) in contents(engine).items()}
        assert texts[0] == {"s": "x" * 60_000}
        assert texts[39] is None
        await engine.flush()
        assert {id_: payload for id_, (_, payload) in contents(engine).items()} == texts
    async with opened(tmp_path / "live", BY_HAND) as engine:
        assert {id_: payload for id_, (_, payload) in contents(engine).items()} == texts


async def test_a_kept_payload_outlives_the_segment_that_it_lies_in(tmp_path: Path) -> None:
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1, 2), vectors(2, 4), [b'{"a":1}', b'{"a":2}'])
        await engine.flush()
        await engine.upsert(u64(1), vectors(1, 4, 1), None)
        state = inside(engine).state
        state.segments.clear()
        for file in (tmp_path / "index").glob("segment-*"):
            file.unlink()
        block = state.memtables[-1]
        assert block.payloads(np.array([0], np.uint32)) == [b'{"a":1}']
        assert block.payload_sizes(np.array([0, 0], np.uint32)).tolist() == [7, 7]


def test_windows_hold_no_more_than_they_may_and_every_row_once() -> None:
    sizes = np.array([10, 0, 900, 10, 10, 5000, 1], np.int64)
    cuts = [(window.start, window.stop) for window in payload_windows(sizes, 1100)]
    assert cuts == [(0, 3), (3, 5), (5, 6), (6, 7)]
    assert list(payload_windows(np.zeros(0, np.int64), 1)) == []


async def test_a_merge_holds_few_payloads_at_a_time(tmp_path: Path) -> None:
    rows = 300
    async with opened(tmp_path, BY_HAND) as engine:
        await engine.create_index(4, "l2")
        for first in (0, rows):
            texts = [
                b'{"n":%d,"s":"%s"}' % (n, b"y" * (20_000 if n % 3 else 0))
                for n in range(first, first + rows)
            ]
            await engine.upsert(np.arange(first, first + rows, dtype=np.uint64), vectors(rows, 4), texts)
            await engine.flush()
        sources = [
            Source(part, np.arange(part.rows, dtype=np.uint32)) for part in inside(engine).state.segments
        ]
        assert len(sources) == 2
        asked = np.random.default_rng(0).permutation(2 * rows).astype(np.uint64)
        tracemalloc.start()
        try:
            given = [text[:9].split(b",")[0] for text in PayloadOrder(sources, 256 * KIB)(asked)]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert given == [b'{"n":%d' % n for n in asked.tolist()]
        assert peak < 2 * MIB, "of 8 MB"


async def test_many_deletes_make_a_checkpoint_due(tmp_path: Path) -> None:
    """They are remembered with their records until then, one by one, and there may be very many of them."""
    options = EngineOptions(memory_budget_bytes=1 * MIB, idle_seal_s=600, idle_flush_s=600, ef_construction=5)
    rows = 2 * budget_of(options).deletions.bytes_max // 12
    async with opened(tmp_path, options) as engine:
        await engine.create_index(2, "l2")
        async with engine.bulk() as loader:
            await loader.rows(vectors(rows, 2))
            await loader.commit(1)
        await engine.flush()
        before = Lsn(engine.stats().checkpoint_lsn)
        await engine.delete(np.arange(rows // 3, dtype=np.uint64))
        assert inside(engine).state.deletion_bytes_after(before) == 12 * (rows // 3)
        last = await engine.delete(np.arange(rows // 3, rows - 1, dtype=np.uint64))
        with anyio.fail_after(20):
            while engine.stats().checkpoint_lsn < last.lsn:
                await inside(engine).checkpointer.changed.wait()
        assert inside(engine).state.deletion_bytes_after(before) == 0, "forgotten"


def test_large_graphs_are_built_one_at_a_time() -> None:
    budget = MemoryBudget()
    construction, entered = Construction(budget), threading.Event()
    progress = core.Progress(lambda: True)

    def work(size: int) -> Work:
        return Work("merge", 100, size, 400, progress)

    def build() -> None:
        with construction.queued(work(7), lambda: None):
            entered.set()

    second = threading.Thread(target=build)
    with construction.listed(work(1), budget.building), construction.queued(work(10), lambda: None):
        second.start()
        assert budget.building.used == 11
        assert construction.report() == [Building("merge", 100, size, 0.0) for size in (1, 10)]
        assert not entered.is_set()

        def give_up() -> None:
            raise Abandoned

        with pytest.raises(Abandoned), construction.queued(work(5), give_up):
            raise AssertionError("let in")
        assert not entered.is_set()
    second.join(10)
    assert entered.is_set()
    assert budget.building.used == 0
