"""One use of a collection that is not always open: a block in which it is, and which its removal ends."""

from __future__ import annotations

from types import TracebackType

import anyio

from asteroid_cloud.api.service.collections.collection import Collection
from asteroid_cloud.api.service.collections.pool import Pool
from asteroid_cloud.api.service.collections.slot import Slot
from asteroid_cloud.indexer.catalog import no_collection
from asteroid_cloud.wal.errors import AsteroidError


class Use:
    """As ``Collections.use`` gives it, for one ``async with``. An open collection is there without a wait."""

    __slots__ = ("_name", "_pool", "_scope", "_slot")

    def __init__(self, pool: Pool, slot: Slot, name: str) -> None:
        """``name`` is what the caller calls the collection, for errors."""
        self._pool = pool
        self._slot = slot
        self._name = name
        self._scope = anyio.CancelScope()

    async def __aenter__(self) -> Collection:
        slot = self._slot
        slot.uses += 1
        try:
            collection = await self._pool.opened(slot)
        except BaseException:
            self._pool.release(slot)
            raise
        self._scope.__enter__()
        slot.begin_use(self._scope)
        return collection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        slot, scope = self._slot, self._scope
        try:
            slot.end_use(scope)
            is_over = scope.__exit__(kind, error, trace)
            if scope.cancelled_caught or (slot.is_removed and isinstance(error, AsteroidError)):
                raise no_collection(self._name) from error
            return is_over
        finally:
            self._pool.release(slot)
