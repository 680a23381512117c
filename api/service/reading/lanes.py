"""The threads for reads: one set for all open collections, as many as the processors can use."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from asteroid_cloud.api.service.process_info import processors
from asteroid_cloud.api.service.reading.lane import Lane
from asteroid_cloud.query import COMPONENTS_A_SECOND

SHORT_WORK_MAX = COMPONENTS_A_SECOND // 20
"""The greatest estimate of a short read: 50 ms."""
MIDDLING_WORK_MAX = COMPONENTS_A_SECOND
"""The greatest estimate of a middling one: a second."""


class Storey(NamedTuple):
    """Where reads up to some estimate run."""

    lane: Lane
    cost_max: float
    done_max: float
    """What such a read does before it goes one storey on."""


class ReadLanes:
    """For one event loop."""

    def __init__(self) -> None:
        self.threads = processors()
        self.short = Lane(max(2, self.threads))
        self.long = Lane(max(1, self.threads - 1))
        self.storeys = (
            Storey(self.short, SHORT_WORK_MAX, 2 * SHORT_WORK_MAX),
            Storey(Lane(max(1, self.threads - 1)), MIDDLING_WORK_MAX, 2 * MIDDLING_WORK_MAX),
            Storey(self.long, inf, inf),
        )
        """The short reads first."""
        self.urgent = Lane(1)
        """What is short, for a caller that blocks others."""
        self.measuring = Lane(1)
        """Recall."""
        self.loading = Lane(1)
        """Parts of bulk loads."""
