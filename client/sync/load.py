"""The blocking client's calls that load many vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from itertools import islice

from asteroid_cloud.client.errors import AsteroidError
from asteroid_cloud.client.progress import Meter
from asteroid_cloud.client.protocol import routes
from asteroid_cloud.client.protocol.batches import CHUNK_ITEMS, Item, Tally, check_chunk_size, encode_chunks
from asteroid_cloud.client.protocol.bulk import BULK_TIMEOUT_S, Payloads, Vectors, bulk_body
from asteroid_cloud.client.results.reports import BulkReport
from asteroid_cloud.client.results.rows import Counted
from asteroid_cloud.client.sync.transport import BlockingTransport


class LoadCalls:
    """Load many vectors: in batches into any index, or in one go into an empty one."""

    _transport: BlockingTransport

    def insert_batch(
        self, items: Iterable[Item], *, chunk_size: int = CHUNK_ITEMS, progress: bool | None = None
    ) -> Counted:
        """Store ``(id, vector)`` or ``(id, vector, metadata)`` items; returns how many.

        ``items`` may be endless and is taken ``chunk_size`` at a time; each such batch is stored whole or
        not at all. ``progress`` shows a bar (True), none (False), or one at a terminal if it takes
        long (None).

        Raises InvalidRequest (``bad_item``), with the place of the item among all in
        ``details["index"]``, besides what ``insert`` raises. Any error has in ``details["inserted"]``
        how many items were acknowledged before it.
        """
        check_chunk_size(chunk_size)
        tally = Tally()
        supply = iter(items)
        with Meter(len(items) if isinstance(items, Sized) else None, progress) as meter:
            first = 0
            while batch := list(islice(supply, chunk_size)):
                self._insert(batch, first, tally, meter)
                first += len(batch)
        return tally.total()

    def bulk_build(
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
        body = bulk_body(vectors, dim, payloads)
        call = routes.bulk_build(body, body.source.rows, body.source.dim, threads, timeout)
        return self._transport.send(call)

    def _insert(self, batch: list[Item], first: int, tally: Tally, meter: Meter) -> None:
        shift = 0  # errors found here name places in the whole upload already
        try:
            for chunk in encode_chunks(batch, first):
                shift = chunk.first
                tally.add(self._transport.send(routes.insert_batch(chunk.body)))
                meter.advance(chunk.items)
        except AsteroidError as error:
            tally.place(error, shift)
            raise
