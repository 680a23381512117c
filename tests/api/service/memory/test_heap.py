"""Free memory goes back to the system: after a large request, and when the process has grown."""

from __future__ import annotations

import gc

import anyio
import pytest

from asteroid_cloud.api.service.memory import heap
from asteroid_cloud.api.service.memory.heap import GROWN_BYTES, NOTED_BYTES, HeapTrimmer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_what_is_there_at_the_start_is_looked_at_no_more() -> None:
    there = [object() for _ in range(10)]
    gc.unfreeze()
    try:
        heap.keep_what_is_there()
        assert gc.is_tracked(there)
        assert not any(each is there for each in gc.get_objects())
        assert gc.isenabled()
    finally:
        gc.unfreeze()


async def test_it_trims_after_a_large_request_and_after_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "SETTLE_S", 0.0)
    monkeypatch.setattr(heap, "PERIOD_S", 0.001)
    sizes = [10 * GROWN_BYTES]
    trimmed = anyio.Event()

    def trim() -> bool:
        anyio.from_thread.run_sync(trimmed.set)
        return True

    trimmer = HeapTrimmer(trim, lambda: sizes[0])
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(trimmer.run)
            await trimmed.wait()  # it had grown since nothing was known
            trimmed = anyio.Event()
            for _ in range(20):
                await anyio.sleep(0.001)
            assert not trimmed.is_set()
            trimmer.note(NOTED_BYTES - 1)
            for _ in range(20):
                await anyio.sleep(0.001)
            assert not trimmed.is_set()
            trimmer.note(NOTED_BYTES)
            await trimmed.wait()
            trimmed = anyio.Event()
            while not trimmed.is_set():
                sizes[0] += GROWN_BYTES
                await anyio.sleep(0.001)
            group.cancel_scope.cancel()


async def test_it_ends_where_the_system_cannot() -> None:
    trimmer = HeapTrimmer(lambda: False, lambda: 0)
    trimmer.note(NOTED_BYTES)
    with anyio.fail_after(20):
        await trimmer.run()
