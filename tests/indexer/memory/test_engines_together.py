"""Several open indexes under one small budget: none exceeds it, none starves, nothing is held idle."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, SharedBudget, bulk_admission
from asteroid_cloud.indexer.limits import BULK_LOADS_MAX, FEEDS_MAX, LOG_THREADS_MAX
from asteroid_cloud.indexer.memory.share import SHARE_BYTES_MIN
from asteroid_cloud.indexer.state import backpressure
from asteroid_cloud.wal.append.writer import LogWriter
from asteroid_cloud.wal.disk import LocalFiles
from asteroid_cloud.wal.errors import NoSpace, Overloaded
from asteroid_cloud.wal.limits import KIB, MIB
from asteroid_cloud.wal.store import enter
from tests.support.engines import contents, u64, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

DIM = 16
BUDGET = 2 * MIB
"""Of which tails may use 512 KiB."""
BY_HAND = EngineOptions(idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4)
TEXT = b'{"s":"%s"}' % (b"x" * 1000)


@asynccontextmanager
async def together(
    path: Path, count: int, options: EngineOptions = BY_HAND, budget: int = BUDGET
) -> AsyncIterator[tuple[SharedBudget, list[Engine]]]:
    """So many indexes of one store."""
    shared, store = SharedBudget(budget), enter(LocalFiles(), str(path), creates=True)
    try:
        async with AsyncExitStack() as stack:
            engines = []
            for number in range(count):
                engine = Engine.open_in(store, f"{number:016x}", options, shared)
                engines.append(await stack.enter_async_context(engine))
                await engines[-1].ready()
                if engines[-1].spec is None:
                    await engines[-1].create_index(DIM, "l2")
            yield shared, engines
    finally:
        store.release()


async def write(engine: Engine, first: int, rows: int) -> None:
    """Rows of about 1.2 KB."""
    ids = np.arange(first, first + rows, dtype=np.uint64)
    await engine.upsert(ids, vectors(rows, DIM, first), [TEXT] * rows)


async def write_much(engine: Engine) -> None:
    """More than fits all tails together."""
    for number in range(100):
        await write(engine, 20 * number, 20)


async def test_all_load_at_once_within_the_budget_and_each_gets_on(tmp_path: Path) -> None:
    async with together(tmp_path, 8) as (shared, engines):
        most = 0

        async def load(engine: Engine) -> None:
            nonlocal most
            for number in range(20):
                await write(engine, 50 * number, 50)
                most = max(most, sum(inside(each).state.tail_bytes for each in engines))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for engine in engines:
                    group.start_soon(load, engine)
        write_bytes = 50 * (len(TEXT) + 200)
        assert most <= shared.tail.bytes_max + write_bytes
        for engine in engines:
            assert engine.stats().vectors == 1000
            assert engine.stats().segment_rows > 0, "what it holds was sealed"
            await engine.flush()
        with anyio.fail_after(30):  # merges go on for a while, and then nobody has a turn
            while not (shared.sealing.is_free and shared.building.is_free):
                await anyio.sleep(0.01)


async def test_what_another_one_holds_idle_is_sealed_for_one_that_waits(tmp_path: Path) -> None:
    async with together(tmp_path, 2) as (shared, (idle, busy)):
        await write(idle, 0, 180)
        held = inside(idle).state.tail_bytes
        assert held > shared.tail.bytes_max * 0.35
        assert idle.stats().segments == 0, "nothing would seal it"
        with anyio.fail_after(30):
            for number in range(8):
                await write(busy, 100 * number, 100)
            assert busy.stats().vectors == 800
            while True:
                await write(busy, 2_000, 250)
                if idle.stats().segments:
                    break
                await write(busy, 5_000, 120)
        assert idle.stats().vectors == 180
        assert len(contents(idle)) == 180


async def test_one_that_is_closed_leaves_its_part(tmp_path: Path) -> None:
    shared, store = SharedBudget(BUDGET), enter(LocalFiles(), str(tmp_path), creates=True)
    async with Engine.open_in(store, "a" * 16, BY_HAND, shared) as one:
        await one.ready()
        await one.create_index(DIM, "l2")
        async with Engine.open_in(store, "b" * 16, BY_HAND, shared) as two:
            await two.ready()
            await two.create_index(DIM, "l2")
            await write(two, 0, 100)
            assert one.budget.tail.bytes_max < shared.tail.bytes_max - 100 * len(TEXT)
        assert one.budget.tail.bytes_max == shared.tail.bytes_max
        async with Engine.open_in(store, "b" * 16, BY_HAND, shared) as two:
            await two.ready()
            assert two.stats().vectors == 100
            assert two.stats().tail_rows == 100
            assert one.budget.tail.bytes_max < shared.tail.bytes_max - 100 * len(TEXT), "replayed rows count"
    store.release()


async def test_each_has_a_floor_whatever_the_others_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with together(tmp_path, 3) as (shared, (full, small, _)):
        monkeypatch.setattr(inside(full).sealer, "_due_in_s", lambda: 600.0)
        monkeypatch.setattr(inside(full).sealer, "ask", lambda: None)
        monkeypatch.setattr(backpressure, "WRITE_ADMISSION_WAIT_S_MAX", 0.05)
        with pytest.raises(Overloaded):
            await write_much(full)
        floor = min(SHARE_BYTES_MIN, shared.tail.floor)
        await write(small, 0, floor // 2 // 1_400)
        assert small.stats().tail_rows > 0


async def test_one_that_cannot_seal_keeps_nobody_from_an_equal_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with together(tmp_path, 2) as (_, (stuck, other)):

        def fail(*_: object) -> None:
            raise NoSpace("no room", code="no_space")

        monkeypatch.setattr(inside(stuck).builder, "seal", fail)
        with pytest.raises(NoSpace):
            await write_much(stuck)
        assert inside(stuck).sealer.no_space is not None
        with anyio.fail_after(30):
            for number in range(10):
                await write(other, 40 * number, 40)
        assert other.stats().vectors == 400


async def test_merges_of_many_take_turns_with_nothing_claimed_while_they_wait(tmp_path: Path) -> None:
    often = EngineOptions(
        seal_rows=40, segments_max=2, idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4
    )
    async with together(tmp_path, 4, often, 32 * MIB) as (shared, engines):
        assert shared.building.try_take(shared)
        for engine in engines:
            for number in range(4):
                await write(engine, 40 * number, 40)
                await engine.flush()
        with anyio.fail_after(20):
            while shared.building.waiting < len(engines):
                await anyio.sleep(0.01)
        for engine in engines:
            segments = inside(engine).state.segments
            assert inside(engine).claims.free(segments) == segments
            assert not engine.stats().merging
        # Sealing goes on, and takes in what waits to be merged where there would be too many.
        for number in range(4, 8):
            await write(engines[0], 40 * number, 40)
            await engines[0].flush()
        assert engines[0].stats().segments <= often.segments_bound
        shared.building.release()
        with anyio.fail_after(30):
            while any(engine.stats().segments > 2 for engine in engines):
                await anyio.sleep(0.01)
        assert [engine.stats().vectors for engine in engines] == [320, 160, 160, 160]


async def test_an_idle_one_has_no_thread_and_a_build_ends_its_own(tmp_path: Path) -> None:
    async with together(tmp_path, 6) as (_, engines):
        for engine in engines:
            await write(engine, 0, 60)
            await engine.flush()
        with anyio.fail_after(10):
            while names := [
                thread.name for thread in threading.enumerate() if thread.name.startswith(("seal", "merge"))
            ]:
                assert len(names) <= 2
                await anyio.sleep(0.01)


async def test_bulk_loads_and_feeds_have_places_in_common(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with together(tmp_path, 2) as (shared, (one, two)), AsyncExitStack() as stack:
        for _ in range(BULK_LOADS_MAX):
            await stack.enter_async_context(one.bulk())
        monkeypatch.setattr(bulk_admission, "WRITE_ADMISSION_WAIT_S_MAX", 0.0)
        with pytest.raises(Overloaded):
            await stack.enter_async_context(two.bulk())
        shared.limits.feeds = FEEDS_MAX
        with pytest.raises(Overloaded) as refused, two.admin.changes(0, "ids"):  # type: ignore[arg-type]
            raise AssertionError("let in")
        assert refused.value.code == "too_many_feeds"


async def test_bulk_loads_of_two_build_one_after_the_other(tmp_path: Path) -> None:
    async with together(tmp_path, 3, budget=32 * MIB) as (shared, engines):
        most = 0

        async def load(engine: Engine) -> None:
            async with engine.bulk() as loader:
                await loader.rows(vectors(3_000, DIM))
                await loader.commit(1)

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, sum(len(engine.stats().building) for engine in engines))
                await anyio.sleep(0.001)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                async with anyio.create_task_group() as loads:
                    for engine in engines:
                        loads.start_soon(load, engine)
                group.cancel_scope.cancel()
        assert most == 1
        assert [engine.stats().vectors for engine in engines] == [3_000] * 3
        assert shared.building.is_free


async def test_log_buffers_shrink_beside_one_that_fills_them_and_grow_again(tmp_path: Path) -> None:
    async with together(tmp_path, 2) as (shared, (one, two)):
        alone = two.budget.log_buffers
        held = [shared.log.bytes_max]
        one.budget.log.measure_with(lambda: held[0])
        assert one.budget.log.bytes_max
        beside = two.budget.log_buffers
        assert beside.follower_bytes_max < alone.follower_bytes_max
        assert beside.follower_bytes_max >= SHARE_BYTES_MIN
        await two.upsert(u64(1), vectors(1, DIM), [b"{}"])
        held[0] = 0
        assert two.budget.log_buffers.follower_bytes_max > alone.follower_bytes_max * 0.9


async def test_few_logs_write_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_frame, lock, now, most = LogWriter.append, threading.Lock(), 0, 0

    def counted(self: LogWriter, *arguments: Any) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.001)  # so that they meet
        try:
            return write_frame(self, *arguments)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(LogWriter, "append", counted)
    async with together(tmp_path, LOG_THREADS_MAX + 6, budget=64 * MIB) as (_, engines):

        async def load(engine: Engine) -> None:
            for number in range(5):
                await engine.upsert(u64(number), vectors(1, DIM, number), None)

        async with anyio.create_task_group() as group:
            for engine in engines:
                group.start_soon(load, engine)
        assert 2 <= most <= LOG_THREADS_MAX
        assert all(engine.stats().vectors == 5 for engine in engines)


async def test_tails_of_many_that_hold_a_little_each_fit_a_tiny_budget(tmp_path: Path) -> None:
    async with together(tmp_path, 40, budget=1 * MIB) as (shared, engines):
        with anyio.fail_after(60):
            for number in range(4):
                for engine in engines:
                    await write(engine, 10 * number, 10)
                    assert shared.tail.used <= shared.tail.bytes_max + 16 * KIB
        assert all(engine.stats().vectors == 40 for engine in engines)
