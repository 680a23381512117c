# Written by ops/faces from client/aio/batch_upload.py: change that one.
"""Uploading many items in batches: a bounded number of requests under way, and the score."""

from __future__ import annotations

from collections.abc import Iterator

from asteroid_cloud.client.errors import AsteroidError
from asteroid_cloud.client.progress import Meter
from asteroid_cloud.client.protocol import writes
from asteroid_cloud.client.protocol.batches import Chunk, Item, Tally, encode_chunks
from asteroid_cloud.client.results.rows import Inserted
from asteroid_cloud.client.sync.calls import CollectionTransport
from asteroid_cloud.client.sync.concurrency import Parallel, in_thread
from asteroid_cloud.client.sync.transport import BlockingTransport


class BatchUpload:
    """Sends batches of items until there are none left, or one fails."""

    def __init__(
        self,
        transport: BlockingTransport | CollectionTransport,
        parallel: int,
        meter: Meter,
        on_existing: str | None,
    ) -> None:
        self._transport = transport
        self._on_existing = on_existing
        self._meter = meter
        self._tally = Tally()
        self._pending: Parallel[Chunk, Inserted] = Parallel(parallel)
        self._failed: tuple[int, int, AsteroidError] | None = None
        """The first item concerned, what to add to the places that the error names, and the error."""

    def run(self, batches: Iterator[list[Item]]) -> Inserted:
        """Sends everything. After a failure nothing new is begun, but requests under way are awaited."""
        first = 0
        try:
            for batch in batches:
                for chunk in self._encoded(batch, first):
                    self._begin(chunk)
                if self._failed is not None:
                    break
                first += len(batch)
            while self._pending:
                self._settle()
        finally:
            self._pending.abandon()
        if self._failed is not None:
            _, shift, error = self._failed
            self._tally.place(error, shift)
            raise error
        return self._tally.total()

    def _encoded(self, batch: list[Item], first: int) -> list[Chunk]:
        """The batch as request bodies; making them takes tens of milliseconds."""
        try:
            return in_thread(self._encode, batch, first)
        except AsteroidError as error:
            self._fail(first, 0, error)
            return []

    def _encode(self, batch: list[Item], first: int) -> list[Chunk]:
        return encode_chunks(batch, first, self._on_existing, base64=self._transport.takes_base64)

    def _begin(self, chunk: Chunk) -> None:
        """Sends a chunk as soon as there is room for it."""
        while self._pending.is_full:
            self._settle()
        if self._failed is None:
            self._pending.start(chunk, self._transport.send, writes.insert_batch(chunk.body, chunk.lists))

    def _settle(self) -> None:
        """Waits for at least one chunk under way and counts it."""
        for chunk, result in self._pending.first_done():
            try:
                self._tally.add(result())
                self._meter.advance(chunk.items)
            except AsteroidError as error:
                self._fail(chunk.first, chunk.first, error)

    def _fail(self, first: int, shift: int, error: AsteroidError) -> None:
        """Keeps the error that lies nearest to the beginning."""
        if self._failed is None or first < self._failed[0]:
            self._failed = (first, shift, error)
