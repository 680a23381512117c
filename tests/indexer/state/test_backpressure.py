"""Back-pressure: writers wait for room, in bounded memory, and never for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np
import pytest
from anyio.abc import TaskStatus

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.memory.pool import Pool
from asteroid_cloud.indexer.memory.share import PooledShare
from asteroid_cloud.indexer.state import backpressure
from asteroid_cloud.indexer.state.backpressure import DELAY_ROW_S, Backpressure
from asteroid_cloud.wal.errors import Overloaded
from tests.support.engines import opened, u64, vectors
from tests.support.seeded_loop import run_seeded

pytestmark = pytest.mark.anyio

ROWS_MAX, BYTES_MAX = 10, 1000


@dataclass
class Tail:
    """What is applied but unsealed, as a test sets it."""

    rows: int = 0
    size: int = 0
    asked: int = 0
    pileup: float = 0.0

    def used(self) -> tuple[int, int]:
        return self.rows, self.size

    def ask(self) -> None:
        self.asked += 1

    def backpressure(self) -> Backpressure:
        share = PooledShare("tail", Pool(lambda: BYTES_MAX))
        return Backpressure(ROWS_MAX, share, self.used, self.ask, lambda: self.pileup)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that finds no room is turned away at once."""
    monkeypatch.setattr(backpressure, "WRITE_ADMISSION_WAIT_S_MAX", 0)


@pytest.mark.parametrize(
    ("held", "write", "fits"),
    [
        ((0, 0), (10, 1000), True),
        ((0, 0), (99, 9999), True),  # alone, a write may be larger than the bound
        ((9, 0), (1, 0), True),
        ((10, 0), (1, 0), False),
        ((1, 999), (1, 1), True),
        ((1, 999), (1, 2), False),
        ((1, 0), (10, 0), False),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_what_fits(held: tuple[int, int], write: tuple[int, int], fits: bool) -> None:
    tail = Tail(*held)
    if fits:
        async with tail.backpressure().admitted(*write):
            pass
    else:
        with pytest.raises(Overloaded) as refused:
            async with tail.backpressure().admitted(*write):
                raise AssertionError("let in")
        assert refused.value.retry_after_s > 0
        assert tail.asked == 1
    assert tail.asked == (0 if fits else 1)


@pytest.mark.usefixtures("impatient")
async def test_writes_on_their_way_take_room_too_and_give_it_back() -> None:
    gate = Tail(1, 0).backpressure()
    async with gate.admitted(6, 0):
        with pytest.raises(Overloaded):
            async with gate.admitted(6, 0):
                raise AssertionError("let in")
    async with gate.admitted(6, 0):
        pass
    with pytest.raises(ZeroDivisionError):
        async with gate.admitted(9, 0):
            raise ZeroDivisionError
    async with gate.admitted(9, 0):
        pass


async def test_the_waiting_go_on_once_the_tail_has_shrunk() -> None:
    tail = Tail(10, 0)
    gate = tail.backpressure()

    async def write(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        async with gate.admitted(1, 0):
            tail.rows += 1

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                await group.start(write)
            await anyio.wait_all_tasks_blocked()
            assert tail.rows == 10
            tail.rows = 9
            gate.wake()
            await anyio.wait_all_tasks_blocked()
            assert tail.rows == 10, "one of them fits, and its own end lets the others look in vain"
            tail.rows = 0
            gate.wake()
    assert tail.rows == 2


async def test_a_write_that_waits_has_the_tail_sealed_before_it_is_full_or_old(tmp_path: Path) -> None:
    """Nothing else would seal it: the tail is short, small and young, yet the write does not fit."""
    roomy = EngineOptions(memory_budget_bytes=1 << 20, seal_rows=10_000, idle_seal_s=600, idle_flush_s=600)
    text = b'{"s":"%s"}' % (b"x" * 20_000)
    async with opened(tmp_path, roomy) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(10)), vectors(10, 4), [text] * 10)
        with anyio.fail_after(10):
            await engine.upsert(u64(*range(10, 30)), vectors(20, 4), [text] * 20)
        assert engine.stats().vectors == 30
        assert engine.stats().segment_rows == 10


def test_writes_are_delayed_in_proportion_to_their_rows_and_to_how_far_segments_pile_up() -> None:
    tail, ends_s = Tail(), []

    async def main() -> None:
        gate = tail.backpressure()

        async def write(rows: int) -> None:
            async with gate.admitted(rows, 0):
                ends_s.append(anyio.current_time())

        await write(1)
        for tail.pileup in (0.25, 0.5):
            await write(4)
        async with anyio.create_task_group() as group:  # those who write at once wait for each other
            group.start_soon(write, 1)
            group.start_soon(write, 1)
        tail.pileup = 0
        await write(1)

    run_seeded(1, main)
    waits_s = np.diff([0, *ends_s]) / DELAY_ROW_S
    assert waits_s == pytest.approx([0, 1, 2, 0.5, 0.5, 0])


async def test_a_delayed_write_goes_on_once_segments_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "DELAY_ROW_S", 3600.0)
    monkeypatch.setattr(backpressure, "DELAY_S_MAX", 3600.0)
    tail = Tail(pileup=0.5)
    gate, done = tail.backpressure(), []

    async def write() -> None:
        async with gate.admitted(1, 0):
            done.append(1)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            gate.wake()
            await anyio.wait_all_tasks_blocked()
            assert done == []
            tail.pileup = 0
            gate.wake()
    assert done == [1]


async def test_writes_wait_once_segments_have_piled_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "WRITE_ADMISSION_WAIT_S_MAX", 0.01)
    tail = Tail(pileup=1)
    gate = tail.backpressure()
    with pytest.raises(Overloaded, match="segments"):
        async with gate.admitted(1, 0):
            raise AssertionError("let in")
    assert tail.asked == 0, "sealing more would not help"
    tail.pileup = 0
    async with gate.admitted(1, 0):
        pass
