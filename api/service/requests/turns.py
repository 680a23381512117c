"""Requests with a key: which are under way, which were done, and which answers are worth remembering."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asteroid_cloud.indexer import Engine, Remembered, idempotency_mismatch
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.format import RequestKey

REFUSED_BY_STATE = frozenset({404, 409, 410, 412})
"""The statuses of refusals that another state of the store would not have given."""
ALSO_BY_STATE = frozenset({"wrong_dim", "bad_if_match", "bad_payload", "bad_item"})
"""The codes of others that may depend on it."""


class RequestTurns:
    """Sees to it that of the attempts at one request one runs at a time, and the later ones learn of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[bytes, tuple[RequestKey, asyncio.Event]] = {}

    @property
    def is_on(self) -> bool:
        """Whether requests are remembered at all."""
        return self._engine.options.idempotency_keys > 0 and self._engine.options.idempotency_age_ms > 0

    @asynccontextmanager
    async def turn(self, request: RequestKey) -> AsyncIterator[Remembered | None]:
        """What is known of the request once no other attempt is under way; none begins until the block ends.

        Raises InvalidRequest ``idempotency_mismatch`` when the key was used for another request.
        """
        while (running := self._running.get(request.key)) is not None:
            earlier, ended = running
            if earlier.digest != request.digest:
                raise idempotency_mismatch()
            await ended.wait()
        known = self._engine.requests.known(request)
        ended = asyncio.Event()
        self._running[request.key] = request, ended
        try:
            yield known
        finally:
            del self._running[request.key]
            ended.set()


def is_remembered(error: AsteroidError, status: int) -> bool:
    """Whether the same request could succeed later, though the caller was told for good that it did not."""
    return status in REFUSED_BY_STATE or error.code in ALSO_BY_STATE
