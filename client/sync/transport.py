"""Sends calls with the standard library; any number of threads may share one transport."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from asteroid_cloud.client.errors import AsteroidError
from asteroid_cloud.client.protocol.calls import Call
from asteroid_cloud.client.protocol.retry import Attempts
from asteroid_cloud.client.settings import Settings
from asteroid_cloud.client.sync.connections import Pool

T = TypeVar("T")


class BlockingTransport:
    """A pool of keep-alive connections to one server, opened when first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._pool = Pool(settings)

    def send(self, call: Call[T]) -> T:
        """The result of a call, tried again where that is safe."""
        attempts = Attempts(call, self.settings.policy, self.settings.timeout_s)
        while True:
            try:
                return call.parse(self._pool.exchange(call, attempts))
            except AsteroidError as error:
                pause_s = attempts.pause_after(error)
                if pause_s is None:
                    raise
            time.sleep(pause_s)

    def stream(self, call: Call[Any]) -> Generator[bytes, None, None]:
        """The pieces of an answer that may never end; raises DeadlineExceeded when none comes for long."""
        return self._pool.stream(call, self.settings.timeout_s)

    def close(self) -> None:
        """Close all connections; calling it again does nothing."""
        self._pool.close()
