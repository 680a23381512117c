"""What every group of blocking calls works on."""

from __future__ import annotations

from asteroid_cloud.api.embedded.blocking.caller_reads import CallerReads
from asteroid_cloud.api.embedded.blocking.event_loop import EventLoop
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.service.collections import Collection


class BlockingCalls:
    """A group of calls on one store. They may be called from any thread.

    Whatever a call begins with raises Conflict: ``store_closed`` after the store is closed, and
    ``other_process`` in a forked child.
    """

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._store = loop.store
        self._reading = CallerReads(loop.run(_collection_of, loop.store), loop)

    @property
    def _reads(self) -> CallerReads:
        self._store.life.check()
        return self._reading


async def _collection_of(store: Store) -> Collection:
    """Asked for in the store's event loop, as everything of it but reads."""
    return store.served
