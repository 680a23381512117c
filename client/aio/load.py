"""The asynchronous client's calls that load many vectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Sized
from contextlib import aclosing
from itertools import islice

from asteroid_cloud.client.aio.transport import AsyncTransport
from asteroid_cloud.client.errors import AsteroidError, InvalidRequest
from asteroid_cloud.client.progress import Meter
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.protocol.batches import (
    CHUNK_ITEMS,
    Chunk,
    Item,
    Tally,
    check_chunk_size,
    encode_chunks,
)
from asteroid_cloud.client.protocol.bulk import BULK_TIMEOUT_S, Payloads, Vectors, bulk_body
from asteroid_cloud.client.results.reports import BulkReport
from asteroid_cloud.client.results.rows import Counted

PARALLEL_MAX = 64


class AsyncLoadCalls:
    """Load many vectors: in batches into any index, or in one go into an empty one."""

    _transport: AsyncTransport

    async def insert_batch(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        chunk_size: int = CHUNK_ITEMS,
        parallel: int = 1,
        progress: bool | None = None,
    ) -> Counted:
        """Store ``(id, vector)`` or ``(id, vector, metadata)`` items; returns how many.

        ``items`` may be endless and is taken ``chunk_size`` at a time; each such batch is stored whole or
        not at all. With ``parallel`` above 1 that many are under way at once, and which of two items
        with one id wins is open. ``progress`` shows a bar (True), none (False), or one at a terminal
        if it takes long (None).

        Raises InvalidRequest (``bad_item``), with the place of the item among all in
        ``details["index"]``, besides what ``insert`` raises. Any error has in ``details["inserted"]``
        how many items were acknowledged before it.
        """
        check_chunk_size(chunk_size)
        if not 1 <= parallel <= PARALLEL_MAX:
            raise InvalidRequest(f"parallel must be 1 … {PARALLEL_MAX}, got {parallel}", code="bad_parallel")
        with Meter(len(items) if isinstance(items, Sized) else None, progress) as meter:
            upload = Upload(self._transport, parallel, meter)
            async with aclosing(batched(items, chunk_size)) as batches:
                return await upload.run(batches)

    async def bulk_build(
        self,
        vectors: Vectors,
        dim: int | None = None,
        threads: int = 0,
        payloads: Payloads | None = None,
        *,
        timeout: float = BULK_TIMEOUT_S,
    ) -> BulkReport:
        """Build the whole index of an empty store at once; the ids are 0 … n-1.

        ``vectors`` is an (n, dim) array, a list of rows, or the path of a ``.npy`` file or of one with raw
        little-endian float32 (then say its ``dim``). They are streamed, never copied as a whole.
        ``payloads`` has one mapping or None for each. ``threads`` 0 lets the server choose. A
        build is never sent again by itself; ``timeout`` (seconds) covers upload and build.

        Raises Conflict (``index_not_empty``), InvalidRequest (``bad_vector``, ``wrong_dim``,
        ``bad_payload``, ``bad_file``) and TooLarge.
        """
        body = await asyncio.to_thread(bulk_body, vectors, dim, payloads)
        call = routes.bulk_build(body, body.source.rows, body.source.dim, threads, timeout)
        return await self._transport.send(call)


async def batched(items: Iterable[Item] | AsyncIterable[Item], size: int) -> AsyncGenerator[list[Item], None]:
    """The items in lists of at most that size."""
    if not isinstance(items, AsyncIterable):
        supply = iter(items)
        while batch := list(islice(supply, size)):
            yield batch
        return
    batch = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class Upload:
    """One insert_batch: a bounded number of chunks under way, and the score."""

    def __init__(self, transport: AsyncTransport, parallel: int, meter: Meter) -> None:
        self.transport = transport
        self.parallel = parallel
        self.meter = meter
        self.tally = Tally()
        self.pending: dict[asyncio.Task[Counted], Chunk] = {}
        self.failed: tuple[int, int, AsteroidError] | None = None  # where, shift of its places, the error

    async def run(self, batches: AsyncIterator[list[Item]]) -> Counted:
        """Send everything; after a failure nothing new is begun, but what is under way is awaited."""
        first = 0
        try:
            async for batch in batches:
                for chunk in await self.encode(batch, first):
                    await self.begin(chunk)
                if self.failed is not None:
                    break
                first += len(batch)
            while self.pending:
                await self.settle()
        finally:
            for task in self.pending:
                task.cancel()
            await asyncio.gather(*self.pending, return_exceptions=True)
        if self.failed is not None:
            _, shift, error = self.failed
            self.tally.place(error, shift)
            raise error
        return self.tally.total()

    async def encode(self, batch: list[Item], first: int) -> list[Chunk]:
        """The batch as bodies, made in a worker thread as it takes tens of milliseconds."""
        try:
            return await asyncio.to_thread(encode_chunks, batch, first)
        except AsteroidError as error:
            self.fail(first, 0, error)
            return []

    async def begin(self, chunk: Chunk) -> None:
        """Start sending a chunk as soon as there is room for it."""
        while len(self.pending) >= self.parallel:
            await self.settle()
        if self.failed is None:
            task = asyncio.create_task(self.transport.send(routes.insert_batch(chunk.body)))
            self.pending[task] = chunk

    async def settle(self) -> None:
        """Wait for at least one chunk under way and count it."""
        done, _ = await asyncio.wait(self.pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            chunk = self.pending.pop(task)
            try:
                self.tally.add(task.result())
                self.meter.advance(chunk.items)
            except AsteroidError as error:
                self.fail(chunk.first, chunk.first, error)

    def fail(self, first: int, shift: int, error: AsteroidError) -> None:
        """Keep the error that lies nearest to the beginning."""
        if self.failed is None or first < self.failed[0]:
            self.failed = (first, shift, error)
