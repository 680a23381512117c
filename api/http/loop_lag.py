"""How long the event loop is kept from its work: the one figure that tells of blocking calls."""

from __future__ import annotations

import time

import anyio

from asteroid_cloud.api.service.metrics import Histogram

PERIOD_S = 0.01


async def watch(lag: Histogram) -> None:
    """Notes, a hundred times a second and for ever, how late a sleeper was woken."""
    while True:
        due_s = time.perf_counter() + PERIOD_S
        await anyio.sleep(PERIOD_S)
        lag.observe(max(0.0, time.perf_counter() - due_s))
