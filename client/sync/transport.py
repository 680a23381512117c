"""Sends calls with the standard library; any number of threads may share one transport."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from asteroid_cloud.client.errors import AsteroidError
from asteroid_cloud.client.protocol.calls import Call, Headers, ignored
from asteroid_cloud.client.protocol.retry import Attempts, ServerMemory
from asteroid_cloud.client.settings import Settings
from asteroid_cloud.client.sync.connections import Pool

T = TypeVar("T")


class BlockingTransport:
    """Keep-alive connections to one server, opened when first used; a pool for each process that uses it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._pools = {os.getpid(): Pool(settings)}
        self._memory = ServerMemory()

    @property
    def takes_base64(self) -> bool:
        """Whether the server has said that vectors may be base64."""
        return self._memory.takes_base64

    def __reduce__(self) -> tuple[type[BlockingTransport], tuple[Settings]]:
        return BlockingTransport, (self.settings,)

    def send(self, call: Call[T]) -> T:
        """The result of a call, tried again where that is safe."""
        attempts = Attempts(call, self.settings.policy, self.settings.timeout_s, self._memory)
        while True:
            try:
                reply = self._pool.exchange(call, attempts)
                self._memory.learn(reply.headers)
                if (in_lists := self._memory.in_lists(call, reply)) is not None:
                    call = in_lists
                    continue
                return call.parse(reply)
            except AsteroidError as error:
                pause_s = attempts.pause_after(error)
                if pause_s is None:
                    raise
            time.sleep(pause_s)

    def stream(
        self, call: Call[Any], opened: Callable[[Headers], None] = ignored
    ) -> Generator[bytes, None, None]:
        """The pieces of an answer that may never end; raises DeadlineExceeded when none comes for long.

        ``opened`` gets the headers of a success, and may raise what speaks against it.
        """
        return self._pool.stream(call, self.settings.timeout_s, opened)

    def close(self) -> None:
        """Close all connections; calling it again does nothing."""
        self._pool.close()

    @property
    def _pool(self) -> Pool:
        """The connections of this process. A forked child never uses, nor disturbs, those of its parent."""
        process = os.getpid()
        if process not in self._pools:
            inherited = list(self._pools.values())
            pool = Pool(self.settings)
            pool.closed = any(each.closed for each in inherited)
            self._pools.setdefault(process, pool)  # of several threads one makes it
            for each in inherited:
                if each.process != process:
                    each.abandon()
                    self._pools.pop(each.process, None)
        return self._pools[process]

    def __del__(self) -> None:
        pool = self._pools.get(os.getpid())
        if pool is not None and pool.has_connections:
            warnings.warn(f"unclosed client of {self.settings.url}", ResourceWarning, 2, self)
            pool.close()
