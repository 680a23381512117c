"""The store's calls that load many vectors."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.embedded.calls import Calls
from asteroid_cloud.api.service.checks import Vector, check_dim, checked_id, float32_rows, float32_vector
from asteroid_cloud.api.service.payloads import payload_text
from asteroid_cloud.api.service.results import BulkReport, Counted
from asteroid_cloud.api.service.writes import bulk_report, chosen_threads, put_batch
from asteroid_cloud.indexer import BulkLoader, IndexSpec
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest
from asteroid_cloud.wal.limits import MIB

Item = tuple[int, Vector] | tuple[int, Vector, Mapping[str, Any] | None]
Items = Iterable[Item]
AsyncItems = Iterable[Item] | AsyncIterable[Item]
Vectors = NDArray[Any] | Sequence[Vector] | str | PathLike[str]
Payloads = Sequence[Mapping[str, Any] | None]

CHUNK_ITEMS = 1_000
SLICE_BYTES = 4 * MIB
SLICE_PAYLOADS = 1_000


class LoadCalls(Calls):
    """Load many vectors: in batches into any index, or in one go into an empty one."""

    async def insert_batch(
        self,
        items: AsyncItems,
        *,
        chunk_size: int = CHUNK_ITEMS,
        parallel: int = 1,
        progress: bool | None = None,
    ) -> Counted:
        """Stores ``(id, vector)`` or ``(id, vector, metadata)`` items; returns how many.

        ``items`` may be endless and is taken ``chunk_size`` at a time; each such batch is stored whole or
        not at all. ``parallel`` and ``progress`` are accepted for code written for the client and have no
        effect, as there is no network to wait for.

        Raises InvalidRequest (``bad_item``), with the place of the item among all in
        ``details["index"]``. Any error has in ``details["inserted"]`` how many items were stored before it.
        """
        if not 1 <= chunk_size <= BATCH_ITEMS_MAX:
            raise InvalidRequest(f"chunk_size must be from 1 to {BATCH_ITEMS_MAX}", code="bad_chunk")
        done = Counted(0, lsn=self.engine.applied_lsn)
        async for batch in _batched(items, chunk_size):
            try:
                columns = checked_items(batch, self.engine.snapshot().spec, int(done))
                result = await put_batch(self.engine, *columns)
            except AsteroidError as error:
                error.details["inserted"] = int(done)
                if "failed_index" in error.details:
                    error.details["failed_index"] = int(done)
                raise
            done = Counted(done + len(batch), lsn=result.lsn)
        return done

    async def bulk_build(
        self,
        vectors: Vectors,
        dim: int | None = None,
        threads: int = 0,
        payloads: Payloads | None = None,
    ) -> BulkReport:
        """Builds the whole index of an empty store at once; the ids are 0 … n-1.

        ``vectors`` is an (n, dim) array, a list of rows, or the path of a ``.npy`` file or of one with raw
        little-endian float32. ``payloads`` has one mapping or None for each. ``threads`` 0 takes as many
        as there are processors.

        Raises Conflict (``index_not_empty``), InvalidRequest (``bad_vector``, ``wrong_dim``,
        ``bad_payload``, ``bad_file``).
        """
        started_s = time.perf_counter()
        number = chosen_threads(threads)
        spec = self.engine.snapshot().spec
        rows = await self.reads.in_thread(lambda: _rows_of(vectors, spec.dim if dim is None else dim))
        check_dim(rows.shape[1], spec)
        if payloads is not None and len(payloads) != len(rows):
            raise InvalidRequest(f"{len(payloads)} payloads for {len(rows)} vectors", code="bad_payload")
        async with self.engine.bulk() as loader:
            await self._load(loader, rows, payloads)
            return bulk_report(await loader.commit(number), started_s)

    async def _load(self, loader: BulkLoader, rows: NDArray[Any], payloads: Payloads | None) -> None:
        step = max(1, SLICE_BYTES // (4 * rows.shape[1]))
        for first in range(0, len(rows), step):
            # Checked in a thread: a mapped file is read from the disk here.
            part = partial(float32_rows, rows[first : first + step])
            await loader.rows(await self.reads.in_thread(part))
        for first in range(0, len(payloads or ()), SLICE_PAYLOADS):
            some = (payloads or ())[first : first + SLICE_PAYLOADS]
            texts = [None if payload is None else payload_text(payload) for payload in some]
            await loader.payloads(first, texts)


def checked_items(
    items: Sequence[Item], spec: IndexSpec, first: int
) -> tuple[NDArray[np.uint64], NDArray[np.float32], list[bytes | None]]:
    """Items in columns; raises InvalidRequest ``bad_item`` with the ``index``, counted from ``first``."""
    ids = np.empty(len(items), np.uint64)
    vectors = np.empty((len(items), spec.dim), np.float32)
    payloads: list[bytes | None] = []
    for row, item in enumerate(items):
        try:
            id, vector, metadata = item if len(item) == 3 else (*item, None)
            ids[row] = checked_id(id)
            numbers = float32_vector(vector)
            check_dim(len(numbers), spec)
            vectors[row] = numbers
            payloads.append(None if metadata is None else payload_text(metadata))
        except InvalidRequest as error:
            raise InvalidRequest(
                f"item {first + row}: {error.message}", code="bad_item", index=first + row, reason=error.code
            ) from error
        except (TypeError, ValueError) as error:
            raise InvalidRequest(
                f"item {first + row} is not (id, vector) or (id, vector, metadata)",
                code="bad_item",
                index=first + row,
            ) from error
    return ids, vectors, payloads


async def _batched(items: AsyncItems, size: int) -> AsyncIterator[list[Item]]:
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


def _rows_of(vectors: Vectors, dim: int) -> NDArray[Any]:
    """The vectors as a two-dimensional array, mapped rather than read when they are a file."""
    if isinstance(vectors, str | PathLike):
        return _mapped(Path(vectors), dim)
    rows = vectors if isinstance(vectors, np.ndarray) and vectors.ndim == 2 else float32_rows(vectors)
    if len(rows) == 0:
        raise InvalidRequest("there are no vectors to build from", code="bad_payload")
    return rows


def _mapped(path: Path, dim: int) -> NDArray[Any]:
    try:
        if path.suffix == ".npy":
            rows: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            rows = np.memmap(path, "<f4", "r")
            rows = rows.reshape(-1, dim)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} does not hold rows of numbers: {error}", code="bad_file") from error
    if rows.ndim != 2 or len(rows) == 0:
        raise InvalidRequest(f"{path} must hold rows of numbers, not {rows.shape}", code="bad_file")
    return rows
