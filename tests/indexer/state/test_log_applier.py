"""Writers are told what their records did: each once, whoever gives up meanwhile."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import NotFound, StorageError
from asteroid_cloud.wal.format.events import IndexCreated, PayloadReplaced
from tests.support.engines import opened, u64, vectors
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import opened as log_on

pytestmark = pytest.mark.anyio


def applier() -> Applier:
    return Applier(State(EngineOptions(), MemoryBudget(), lambda event: []))


CREATED, VOID = IndexCreated(2, "l2"), PayloadReplaced(9, b"{}")


async def test_an_outcome_is_there_for_who_asks_before_and_for_who_asks_after() -> None:
    following = applier()
    async with log_on(MemoryFiles()) as log, anyio.create_task_group() as group:
        group.start_soon(following.follow, log)
        await log.append([CREATED])
        with anyio.fail_after(10):
            assert (await following.outcome(Lsn(1))).affected == 0
        applied = following.applied
        await log.append([VOID])
        with anyio.fail_after(10):
            await applied.wait()
        with pytest.raises(NotFound, match="no vector with id 9"):
            await following.outcome(Lsn(2))
        group.cancel_scope.cancel()


async def test_who_gives_up_leaves_nothing_behind_and_wakes_nobody_else() -> None:
    following = applier()
    async with log_on(MemoryFiles()) as log, anyio.create_task_group() as group:
        with anyio.move_on_after(0) as scope:
            await following.outcome(Lsn(1))
        assert scope.cancelled_caught
        group.start_soon(following.follow, log)
        await log.append([CREATED])
        with anyio.fail_after(10):
            assert (await following.outcome(Lsn(1))).error is None
        group.cancel_scope.cancel()


async def test_a_failure_reaches_all_who_wait_and_all_who_come() -> None:
    following = applier()
    told: list[tuple[int, str]] = []

    async def ask(lsn: int) -> None:
        with pytest.raises(StorageError, match="could not be applied: broken") as caught:
            await following.outcome(Lsn(lsn))
        told.append((lsn, caught.value.code))

    async with anyio.create_task_group() as group:
        for lsn in (1, 2, 3):
            group.start_soon(ask, lsn)
        await anyio.wait_all_tasks_blocked()
        following.fail(StorageError("broken", code="no_space"))
    await ask(4)
    assert sorted(told) == [(lsn, "no_space") for lsn in (1, 2, 3, 4)]


async def test_many_writers_of_whom_some_are_cancelled(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        done: list[int] = []

        async def write(number: int) -> None:
            with anyio.CancelScope() as scope:
                if number % 3 == 0:
                    scope.cancel()
                await engine.upsert(u64(number), vectors(1, 4, number), None)
                done.append(number)

        async with anyio.create_task_group() as group:
            for number in range(60):
                group.start_soon(write, number)
        assert set(done) >= {number for number in range(60) if number % 3}
        last = await engine.upsert(u64(100), vectors(1, 4, 100), None)
        assert engine.snapshot().live in range(41, 62)
        assert engine.applied_lsn == last.lsn
