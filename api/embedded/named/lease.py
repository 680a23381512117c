"""Keeps a collection open from one step of an iteration to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import anyio

from asteroid_cloud.api.service.collections import Collection, Collections, NameWatch
from asteroid_cloud.wal.errors import AsteroidError


class Lease:
    """Of one iteration, which may be taken on by any task: what is held is held by a task of its own."""

    def __init__(self, collections: Collections, name: str, *, follows: bool) -> None:
        """``follows``: the iteration ends when the name leads elsewhere."""
        self._collections = collections
        self._name = name
        self._follows = follows
        self._over = asyncio.Event()
        self._scope: anyio.CancelScope | None = None
        """Of the step under way."""
        self._opened: asyncio.Future[Collection] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(), name="asteroid-collection")

    @property
    def collection(self) -> Collection:
        """What is kept open."""
        return self._opened.result()

    async def __aenter__(self) -> Self:
        try:
            first: list[asyncio.Future[Any]] = [self._task, self._opened]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await self._end()
            raise
        if not self._opened.done():
            self._task.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step; raises NotFound ``no_collection`` or Conflict ``alias_moved`` when it is the last."""
        self._check()
        try:
            with anyio.CancelScope() as self._scope:
                yield
        except AsteroidError as error:
            reason = self._reason()
            raise error if reason is None else reason from error
        finally:
            scope, self._scope = self._scope, None
        if scope is not None and scope.cancelled_caught:
            self._check()

    def _check(self) -> None:
        reason = self._reason() if self._task.done() else None
        if reason is not None:
            raise reason

    def _reason(self) -> AsteroidError | None:
        if self._task.done() and not self._task.cancelled():
            found = self._task.exception()
            if isinstance(found, AsteroidError):
                return found
        return self._watch().reason() if self._follows else None

    def _watch(self) -> NameWatch:
        return NameWatch(self._collections, self._name, self.collection)

    async def _hold(self) -> None:
        try:
            async with self._collections.use(self._name) as collection:
                self._opened.set_result(collection)
                async with anyio.create_task_group() as group:
                    if self._follows:
                        group.start_soon(self._until_moved, group.cancel_scope)
                    await self._over.wait()
                    group.cancel_scope.cancel()
        finally:
            if self._scope is not None:
                self._scope.cancel()

    async def _until_moved(self, scope: anyio.CancelScope) -> None:
        await self._watch().moved()
        scope.cancel()

    async def _end(self) -> None:
        self._over.set()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()  # it is told by the step that meets it
