"""What the sampling of all open collections takes together: a share of the time, and one thread at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from asteroid_cloud.api.limits import RECALL_TIME_SHARE_MAX
from asteroid_cloud.api.service.quality.time_budget import TimeBudget


class SharedSampling:
    """For threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.budget = TimeBudget(RECALL_TIME_SHARE_MAX, clock)
        """Of the time of one processor."""
        self.alone = threading.Lock()
        """Held while a search is repeated."""
