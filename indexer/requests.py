"""What a store knows of requests with a key, and the answers that no other record tells."""

from __future__ import annotations

import time

from asteroid_cloud.indexer.limits import ANSWER_KEPT_BYTES_MAX
from asteroid_cloud.indexer.model.results import DONE, Remembered
from asteroid_cloud.indexer.write_events import Write
from asteroid_cloud.indexer.write_path import Writer
from asteroid_cloud.wal.format import RequestAnswered, RequestKey


class Requests:
    """The requests with a key of an open store; every method is for its event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def known(self, request: RequestKey) -> Remembered | None:
        """What is known of a request; None when it is new, or forgotten.

        Raises InvalidRequest ``idempotency_mismatch`` when its key was used for another one.
        """
        return self._writer.parts.state.requests.find(request, time.time_ns() // 1_000_000)

    async def begin(self, request: RequestKey) -> None:
        """Logs that the request has begun, whose effect no record will tell."""
        await self._log(request, RequestAnswered(DONE, 0, b""))

    async def answer(self, request: RequestKey, status: int, lsn: int, text: bytes) -> None:
        """Logs its answer; of one longer than ANSWER_KEPT_BYTES_MAX, that it was given."""
        await self._log(
            request, RequestAnswered(status, lsn, text if len(text) <= ANSWER_KEPT_BYTES_MAX else b"")
        )

    async def _log(self, request: RequestKey, event: RequestAnswered) -> None:
        await self._writer.of_request(request).log(Write([event]))
