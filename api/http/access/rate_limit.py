"""A token bucket a key: a steady rate, and bursts of up to a second's worth."""

from __future__ import annotations

import time
from collections import OrderedDict

from asteroid_cloud.wal.errors import Overloaded

HOLDERS_MAX = 10_000


class RateLimit:
    """Counts the requests of each key or address; a rate of 0 lets everything through."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._burst = max(1.0, per_second)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """holder → (tokens left, when that was so)"""

    def take(self, holder: str) -> None:
        """Counts one request; raises Overloaded ``rate_limited`` when there have been too many."""
        if self._rate == 0:
            return
        now_s = time.monotonic()
        tokens, since_s = self._buckets.pop(holder, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - since_s) * self._rate)
        self._buckets[holder] = (max(tokens - 1, 0) if tokens >= 1 else tokens, now_s)
        while len(self._buckets) > HOLDERS_MAX:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise Overloaded(
                f"more than {self._rate:g} requests a second",
                code="rate_limited",
                retry_after_s=(1 - tokens) / self._rate,
            )
