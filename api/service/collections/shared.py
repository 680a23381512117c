"""What all open collections of one store have in common."""

from __future__ import annotations

from asteroid_cloud.api.service.quality.sampling import SharedSampling
from asteroid_cloud.api.service.reading.lanes import ReadLanes
from asteroid_cloud.indexer import SharedBudget


class SharedParts:
    """For one event loop."""

    def __init__(self, memory: SharedBudget | None = None) -> None:
        self.memory = memory or SharedBudget()
        self.lanes = ReadLanes()
        """Of threads for reads."""
        self.sampling = SharedSampling()
