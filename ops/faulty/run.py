"""One run: a proxy before a server, both clients behind it, and the driver."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from asteroid_cloud.client import AsyncClient, Client, RetryPolicy
from ops.faulty.driver import Driver
from ops.faulty.proxy import FaultyProxy

QUICK = RetryPolicy(first_pause_s=0.001, pause_s_max=0.002)
TIMEOUT_S = 20.0


class Result(NamedTuple):
    """What happened."""

    outcomes: Counter[str]
    kinds: Counter[str]
    faults: Counter[str]

    @property
    def requests(self) -> int:
        """Those that the clients sent."""
        return self.faults.total()


async def run(url: str, calls: int, seed: int, api_key: str | None = None) -> Result:
    """So many calls to the server, which has an empty store and keeps its log; raises Wrong."""
    with FaultyProxy(url, seed) as proxy:
        direct = AsyncClient(api_key, url)
        through = AsyncClient(api_key, proxy.url, TIMEOUT_S, retries=QUICK)
        blocking = Client(api_key, proxy.url, TIMEOUT_S, retries=QUICK)
        async with direct, through:
            with blocking:
                driver = Driver([through, blocking], direct, proxy, seed)
                await driver.run(calls)
        return Result(driver.outcomes, driver.kinds, proxy.counts)
