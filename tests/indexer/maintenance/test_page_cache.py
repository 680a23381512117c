"""Mapped pages: warmed when asked for, held below a bound when there is one, and searches never notice."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.maintenance.page_cache import LEFT_SHARE, WINDOW_BYTES, PageCache
from asteroid_cloud.indexer.memory_use import memory_use
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal.limits import MIB
from tests.support.engines import find, opened, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio
DIM, ROWS = 256, 12_000


async def test_pages_are_let_go_until_within_the_bound_and_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as load:
            await load.rows(vectors(ROWS, DIM, 1))
            await load.commit(threads=2)
        segments = [view.part for view in engine.snapshot().parts]
        (segment,) = segments
        assert isinstance(segment, Segment)
        await engine.flush()
        with (
            (Path(tmp_path) / "data" / "index")
            .joinpath(f"segment-{segment.number:012d}.graph")
            .open("rb") as file
        ):
            file.read()
        before = segment.native.cached_bytes
        assert before > 1.5 * WINDOW_BYTES
        query = vectors(1, DIM, 2)
        found = find(engine, query, 10)
        keeper = PageCache(inside(engine).state, inside(engine).checkpointer, EngineOptions())
        keeper.hold_below([segment], before)
        assert segment.native.cached_bytes == before
        keeper.hold_below([segment], WINDOW_BYTES)
        assert segment.native.cached_bytes <= LEFT_SHARE * WINDOW_BYTES
        again = find(engine, query, 10)
        assert np.array_equal(again.ids, found.ids)
        assert 0 < segment.native.cached_bytes < before
        segment.native.warm()
        assert segment.native.cached_bytes == before


async def test_a_window_beyond_the_file_is_cut(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as engine:
        await engine.create_index(8, "l2")
        async with engine.bulk() as load:
            await load.rows(vectors(100, 8, 1))
            await load.commit(threads=1)
        (view,) = engine.snapshot().parts
        assert isinstance(view.part, Segment)
        size = view.part.native.mapped_bytes
        view.part.native.release(0, 2 * size)
        view.part.native.release(size + 1, 4096)
        view.part.native.release(2**62, 2**62)
        assert find(engine, vectors(1, 8, 1), 100).found[0] == 100


async def test_the_options_reach_the_background_task(tmp_path: Path) -> None:
    options = EngineOptions(mapped_bytes_max=MIB)
    async with opened(tmp_path / "data", options=options) as engine:
        await engine.create_index(DIM, "l2")
        async with engine.bulk() as load:
            await load.rows(vectors(ROWS, DIM, 1))
            await load.commit(threads=2)
        (view,) = engine.snapshot().parts
        assert isinstance(view.part, Segment)
        with anyio.fail_after(30):
            while view.part.native.cached_bytes > MIB:
                await anyio.sleep(0.01)
    warm = EngineOptions(warm_mapped=True)
    async with opened(tmp_path / "data", options=warm) as engine:
        (view,) = engine.snapshot().parts
        assert isinstance(view.part, Segment)
        assert view.part.native.cached_bytes >= view.part.native.mapped_bytes


async def test_every_byte_has_a_name(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", EngineOptions()) as engine:
        await engine.create_index(DIM, "l2")
        ids = np.arange(2_000, dtype=np.uint64)
        await engine.upsert(ids, vectors(2_000, DIM, 3), [b'{"a":"some text"}'] * 2_000)
        used = await engine.memory()
        assert used.tail_vectors >= 2_000 * 2 * DIM
        assert used.tail_payloads >= 2_000 * 17
        assert (used.graphs, used.mapped) == (0, 0)
        await engine.flush()
        used = await engine.memory()
        assert (used.tail_vectors, used.tail_payloads) == (0, 0)
        assert used.mapped > 2_000 * 2 * DIM
        assert 0 < used.directories < 64 * 1024
        state = inside(engine).state
        assert used == memory_use(state.memtables, state.segments, engine.budget, state.requests.ram_bytes, 0)
