"""Few bulk loads are open at a time; what they hold is bounded, counted and given back."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions, bulk_admission
from asteroid_cloud.indexer.bulk_admission import PIECE_BYTES_MAX, PIECE_BYTES_MIN, BulkAdmission
from asteroid_cloud.indexer.limits import BULK_LOADS_MAX
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.wal.errors import Conflict, Overloaded
from asteroid_cloud.wal.limits import MIB
from tests.support.engines import opened, vectors

pytestmark = pytest.mark.anyio

DIM = 4


async def opening(engine: Engine, stack: AsyncExitStack, loads: int) -> None:
    """Opens so many loads, each of which has gathered a MiB."""
    for _ in range(loads):
        loader = await stack.enter_async_context(engine.bulk())
        loader.gathering.bytes = MIB


async def test_what_loads_hold_is_counted_and_given_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(DIM, "l2")
        async with AsyncExitStack() as stack:
            await opening(engine, stack, 3)
            assert (await engine.memory()).bulk_loads == 3 * MIB
        assert (await engine.memory()).bulk_loads == 0


async def test_one_more_than_there_may_be_waits_for_another_to_end(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine, anyio.create_task_group() as group:
        await engine.create_index(DIM, "l2")
        began = anyio.Event()

        async def load() -> None:
            async with engine.bulk():
                began.set()

        async with AsyncExitStack() as stack:
            await opening(engine, stack, BULK_LOADS_MAX)
            group.start_soon(load)
            await anyio.wait_all_tasks_blocked()
            assert not began.is_set()
        await began.wait()


async def test_one_that_waits_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as engine, AsyncExitStack() as stack:
        await engine.create_index(DIM, "l2")
        await opening(engine, stack, BULK_LOADS_MAX)
        monkeypatch.setattr(bulk_admission, "WRITE_ADMISSION_WAIT_S_MAX", 0.0)
        with pytest.raises(Overloaded) as caught:
            await opening(engine, stack, 1)
        assert caught.value.code == "overloaded"


async def test_what_is_loaded_while_one_waits_refuses_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine, anyio.create_task_group() as group:
        await engine.create_index(DIM, "l2")
        refused = anyio.Event()

        async def load() -> None:
            with pytest.raises(Conflict, match="not empty"):
                async with engine.bulk():
                    raise AssertionError
            refused.set()

        async with AsyncExitStack() as stack:
            await opening(engine, stack, BULK_LOADS_MAX - 1)
            async with engine.bulk() as first:
                group.start_soon(load)
                await anyio.wait_all_tasks_blocked()
                await first.rows(vectors(10, DIM))
                await first.commit(1)
        await refused.wait()


@pytest.mark.parametrize("budget", [2 * MIB, 64 * MIB, 256 * MIB, 4096 * MIB])
async def test_all_pieces_together_are_a_small_part_of_the_budget(budget: int) -> None:
    shares = MemoryBudget(EngineOptions(memory_budget_bytes=budget).memory_budget_bytes)
    async with BulkAdmission(shares).admitted() as gathering:
        assert PIECE_BYTES_MIN <= gathering.piece_bytes <= PIECE_BYTES_MAX
        if gathering.piece_bytes > PIECE_BYTES_MIN:
            assert 2 * BULK_LOADS_MAX * gathering.piece_bytes <= budget // 10
