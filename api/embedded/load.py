"""The store's calls that load many vectors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from asteroid_cloud.api.embedded.calls import Calls
from asteroid_cloud.api.embedded.life import until_closed
from asteroid_cloud.api.embedded.rows.batch_items import AsyncItems, batched, checked_items
from asteroid_cloud.api.embedded.rows.bulk_rows import Vectors, rows_of
from asteroid_cloud.api.service.checks import check_dim, float32_rows, integer
from asteroid_cloud.api.service.ids import checked_id
from asteroid_cloud.api.service.payloads import payload_text
from asteroid_cloud.api.service.preconditions import checked_on_existing
from asteroid_cloud.api.service.results import BulkReport, Inserted
from asteroid_cloud.api.service.writes import bulk_report, chosen_threads, put_batch
from asteroid_cloud.indexer import BulkLoader, Id, OnExisting
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest
from asteroid_cloud.wal.limits import MIB

Payloads = Sequence[Mapping[str, Any] | None]

CHUNK_ITEMS = 1_000
SLICE_BYTES = 4 * MIB
SLICE_PAYLOADS = 1_000
SLICE_IDS = 10_000


class LoadCalls(Calls):
    """Load many vectors: in batches into any index, or in one go into an empty one."""

    @until_closed
    async def insert_batch(
        self,
        items: AsyncItems,
        *,
        chunk_size: int = CHUNK_ITEMS,
        parallel: int = 1,
        progress: bool | None = None,
        on_existing: OnExisting | None = None,
    ) -> Inserted:
        """Stores ``(id, vector)`` or ``(id, vector, metadata)`` items, or mappings; returns how many.

        Where an id exists the item replaces what is stored; with ``on_existing="skip"`` it is left out, and
        with "fail" its batch is refused. A mapping may say ``on_existing`` for itself, and ``if_match``: an
        LSN after which its id must not have changed, or "*" for an id that must exist. Items take their turns
        in order, so that of two with one id the second finds what the first has stored. The result has
        ``replaced`` and ``skipped`` too.

        ``items`` may be endless and is taken ``chunk_size`` at a time; each such batch is stored whole or
        not at all. ``parallel`` and ``progress`` are accepted for code written for the client and have no
        effect, as there is no network to wait for.

        Raises InvalidRequest (``bad_item``), and Conflict (``id_exists``, ``precondition_failed``), with the
        place of the item among all in ``details["index"]``. Any error has in ``details["inserted"]`` how many
        items were stored before it.
        """
        chunk_size = integer("chunk_size", chunk_size, code="bad_chunk")
        if not 1 <= chunk_size <= BATCH_ITEMS_MAX:
            raise InvalidRequest(f"chunk_size must be from 1 to {BATCH_ITEMS_MAX}", code="bad_chunk")
        existing = checked_on_existing(on_existing)
        done = Inserted(0, lsn=self.engine.applied_lsn)
        first = 0
        async for batch in batched(items, chunk_size):
            try:
                spec, bytes_max = self.engine.snapshot().spec, self.engine.options.payload_bytes_max
                rows = checked_items(batch, spec, first, bytes_max, existing)
                result = await put_batch(self.engine, rows)
            except AsteroidError as error:
                error.details["inserted"] = int(done)
                if "failed_index" in error.details:
                    error.details["failed_index"] = first
                elif error.code != "bad_item" and isinstance(within := error.details.get("index"), int):
                    error.details["index"] = first + within
                raise
            first += len(batch)
            done = done.plus(result.counts, result.lsn)
        return done

    @until_closed
    async def bulk_build(
        self,
        vectors: Vectors,
        dim: int | None = None,
        threads: int = 0,
        payloads: Payloads | None = None,
        *,
        ids: Sequence[str] | None = None,
    ) -> BulkReport:
        """Builds the whole index of an empty store at once; the ids are 0 … n-1, or strings: ``ids``.

        ``vectors`` is an (n, dim) array, a list of rows, or the path of a ``.npy`` file or of one with raw
        little-endian float32. ``payloads`` has one mapping or None for each. ``threads`` 0 takes as many
        as there are processors.

        Raises Conflict (``index_not_empty``), InvalidRequest (``bad_vector``, ``wrong_dim``,
        ``bad_payload``, ``bad_file``, ``bad_id``).
        """
        started_s = time.perf_counter()
        number = chosen_threads(threads)
        spec = self.engine.snapshot().spec
        rows = await self.reads.for_load(
            lambda: rows_of(vectors, spec.dim if dim is None else integer("dim", dim))
        )
        check_dim(rows.shape[1], spec)
        if payloads is not None and len(payloads) != len(rows):
            raise InvalidRequest(f"{len(payloads)} payloads for {len(rows)} vectors", code="bad_payload")
        names = None if ids is None else [checked_id(each, spec) for each in ids]
        if (names is not None) != spec.has_string_ids or (names is not None and len(names) != len(rows)):
            reason = "where ids are strings, and only there, each row is given one"
            raise InvalidRequest(reason, code="bad_payload")
        async with self.engine.bulk() as loader:
            await self._load(loader, rows, payloads, names)
            return bulk_report(await loader.commit(number), started_s)

    async def _load(
        self, loader: BulkLoader, rows: NDArray[Any], payloads: Payloads | None, ids: Sequence[Id] | None
    ) -> None:
        step = max(1, SLICE_BYTES // (4 * rows.shape[1]))
        for first in range(0, len(rows), step):
            # Checked in a thread: a mapped file is read from the disk here.
            part = partial(float32_rows, rows[first : first + step])
            await loader.rows(await self.reads.for_load(part))
        for first in range(0, len(ids or ()), SLICE_IDS):
            await loader.ids(first, [str(each) for each in (ids or ())[first : first + SLICE_IDS]])
        for first, texts in self._payload_slices(payloads or ()):
            await loader.payloads(first, texts)

    def _payload_slices(self, payloads: Payloads) -> Iterator[tuple[int, list[bytes | None]]]:
        """The payloads as texts, about SLICE_BYTES of them at a time, each slice with its first row."""
        first, size, texts = 0, 0, list[bytes | None]()
        for row, payload in enumerate(payloads):
            text = None if payload is None else payload_text(payload, self.engine.options.payload_bytes_max)
            texts.append(text)
            size += len(text or b"")
            if size >= SLICE_BYTES or len(texts) == SLICE_PAYLOADS:
                yield first, texts
                first, size, texts = row + 1, 0, []
        if texts:
            yield first, texts
