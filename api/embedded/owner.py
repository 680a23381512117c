"""The task that a store lives in: it opens the store, and closes it when that is asked for.

Whoever opened the store is free to close it from any task and in any order with others: no scope of the
store's lies in a task of the caller's.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio

from asteroid_cloud.api.embedded.life import Life
from asteroid_cloud.api.service.collections import Collections, CollectionsOptions, open_collections
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.indexer import EngineOptions


class Owner:
    """Of one store; begins to open it at once."""

    def __init__(self, path: str, options: EngineOptions | None, quality: QualityOptions | None) -> None:
        self.life = Life()
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[Collections] = self._loop.create_future()
        self._over = asyncio.Event()
        self._task = self._loop.create_task(self._run(path, options, quality), name="asteroid-store")

    async def opened(self) -> Collections:
        """The store's collections; raises what kept it from opening."""
        try:
            first: list[asyncio.Future[Any]] = [self._task, self._opened]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await self.close()
            raise
        if not self._opened.done():
            self._task.result()
        return self._opened.result()

    async def close(self) -> None:
        """Ends calls under way, closes the store and gives its lock back; does nothing the second time."""
        self._over.set()
        with anyio.CancelScope(shield=not self.life.is_inside):
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    def abandon(self) -> None:
        """Has it closed without waiting; may be called in any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)

    async def _run(self, path: str, options: EngineOptions | None, quality: QualityOptions | None) -> None:
        try:
            of_all = CollectionsOptions(quality=quality)
            async with open_collections(path, options, of_all) as collections:
                self._opened.set_result(collections)
                try:
                    await self._over.wait()
                finally:
                    with anyio.CancelScope(shield=True):
                        await self.life.end()
        finally:
            self.life.is_closed = True
