"""Many share the lock, one holds it alone, and all get it in the order of asking."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from asteroid_cloud.indexer.state.rw_lock import ReadWriteLock

pytestmark = pytest.mark.anyio


class Scene:
    """Tasks that share a lock or hold it alone, and a note of what happened."""

    def __init__(self) -> None:
        self.lock = ReadWriteLock()
        self.told: list[str] = []
        self.ends = {name: anyio.Event() for name in "abcd"}

    async def shared(self, name: str) -> None:
        async with self.lock.shared():
            self.told.append(f"{name} begins")
            await self.ends[name].wait()
            self.told.append(f"{name} ends")

    async def alone(self, name: str) -> None:
        async with self.lock.alone(), self.lock.shared():
            self.told.append(f"{name} alone")
            await self.ends[name].wait()
            self.told.append(f"{name} ends")


async def settle() -> None:
    """Lets every task go as far as it can."""
    for _ in range(20):
        await checkpoint()


async def test_one_alone_waits_for_all_and_all_wait_for_it() -> None:
    scene = Scene()
    async with anyio.create_task_group() as group:
        for task, name in ((scene.shared, "a"), (scene.shared, "b"), (scene.alone, "c"), (scene.shared, "d")):
            group.start_soon(task, name)
            await settle()
        assert scene.told == ["a begins", "b begins"]
        scene.ends["b"].set()
        await settle()
        assert scene.told[2:] == ["b ends"]
        scene.ends["a"].set()
        await settle()
        assert scene.told[3:] == ["a ends", "c alone"]
        scene.ends["c"].set()
        await settle()
        assert scene.told[5:] == ["c ends", "d begins"]
        scene.ends["d"].set()


async def test_one_who_comes_alone_again_lets_the_waiting_pass_first() -> None:
    lock, told = ReadWriteLock(), list[str]()

    async def repeat() -> None:
        for number in range(3):
            async with lock.alone():
                told.append(f"alone {number}")
                await settle()

    async def share(number: int) -> None:
        async with lock.shared():
            told.append(f"shared {number}")

    async with anyio.create_task_group() as group:
        group.start_soon(repeat)
        await checkpoint()
        await checkpoint()
        group.start_soon(share, 0)
        group.start_soon(share, 1)
    assert told == ["alone 0", "shared 0", "shared 1", "alone 1", "alone 2"]


async def test_a_task_that_gives_up_waiting_does_not_block_others() -> None:
    scene = Scene()
    async with anyio.create_task_group() as group:
        group.start_soon(scene.shared, "a")
        await settle()
        with anyio.move_on_after(0):
            await scene.alone("b")
        async with anyio.create_task_group() as inner:
            inner.start_soon(scene.shared, "c")
            await settle()
            inner.cancel_scope.cancel()
        scene.ends["a"].set()
        await settle()
        async with scene.lock.alone():
            scene.told.append("alone")
    assert scene.told == ["a begins", "c begins", "a ends", "alone"]
