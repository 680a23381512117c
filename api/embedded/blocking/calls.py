"""What every group of blocking calls works on."""

from __future__ import annotations

from asteroid_cloud.api.embedded.blocking.caller_reads import CallerReads
from asteroid_cloud.api.embedded.blocking.event_loop import EventLoop
from asteroid_cloud.api.embedded.store import Store


class BlockingCalls:
    """A group of calls on one store. They may be called from any thread."""

    def __init__(self, store: Store, loop: EventLoop) -> None:
        self._store = store
        self._loop = loop
        self._reads = CallerReads(store.collection, loop)
