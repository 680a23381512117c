"""How late the event loop runs: the figure that shows calls which block it."""

from __future__ import annotations

import time

import anyio

from asteroid_cloud.api.service.figures.histogram import Histogram

PERIOD_S = 0.01


async def watch(lag: Histogram) -> None:
    """Observes, a hundred times a second until it is cancelled, how late a sleeping task was woken."""
    while True:
        due_s = time.perf_counter() + PERIOD_S
        await anyio.sleep(PERIOD_S)
        lag.observe(max(0.0, time.perf_counter() - due_s))
