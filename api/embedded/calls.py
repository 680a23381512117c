"""What every group of calls works on."""

from __future__ import annotations

from asteroid_cloud.api.embedded.life import Life
from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.indexer import Engine


class Calls:
    """A group of calls on one collection. Each group works on its own; ``Store`` has them all.

    Whatever a call begins with raises Conflict: ``store_closed`` after the store is closed,
    ``other_process`` in a forked child, ``other_loop`` in another event loop.
    """

    def __init__(self, collection: Collection, life: Life) -> None:
        self._collection = collection
        self.life = life
        """Until when, and where, calls are possible."""

    @property
    def served(self) -> Collection:
        """What the calls work on."""
        self.life.check()
        return self._collection

    @property
    def engine(self) -> Engine:
        """The collection's engine."""
        return self.served.engine

    @property
    def reads(self) -> ReadExecutor:
        """The collection's reading side."""
        self.life.check_loop()
        return self.served.reads
