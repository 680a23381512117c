"""What every group of calls works on."""

from __future__ import annotations

from asteroid_cloud.api.service.collections import Collection


class Calls:
    """A group of calls on one collection. Each group works on its own; ``Store`` has them all."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.engine = collection.engine
        self.reads = collection.reads
