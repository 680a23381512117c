"""A bulk load: many rows that count all at once or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder
from asteroid_cloud.indexer.bulk_admission import Gathering
from asteroid_cloud.indexer.model.errors import wrong_dim
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Log
from asteroid_cloud.wal.errors import AsteroidError, InvalidRequest
from asteroid_cloud.wal.format import BulkIds, BulkLoaded, BulkPayloads, BulkRows, Event
from asteroid_cloud.wal.limits import MIB

CHUNK_BYTES = 4 * MIB
"""Bytes of vectors that go into one record."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What a bulk load did: the LSN that made it count, its rows, how many of them have a payload."""

    lsn: Lsn
    rows: int
    payloads: int
    threads: int


class BulkLoader:
    """One bulk load in progress: ``rows`` as they come, then ``payloads``, then ``commit``."""

    def __init__(
        self,
        spec: IndexSpec,
        log: Log,
        builder: BulkBuilder,
        install: Callable[[BulkLoaded, list[Segment]], Awaitable[Lsn]],
        gathering: Gathering,
    ) -> None:
        self.gathering = gathering
        """What its owner has gathered for it, and says how much that is."""
        self.row_count = 0
        self.payload_count = 0
        self._spec = spec
        self._log = log
        self._builder = builder
        self._install = install
        self._bulk = secrets.randbits(63)
        self._since: Lsn | None = None
        self._payloads_since: Lsn | None = None
        self._payloads_end = 0
        self._ids_since: Lsn | None = None
        self._named = 0
        """How many rows have their ids, where these are strings."""

    @property
    def needs_ids(self) -> bool:
        """Whether each row has to be given its id, because ids are strings."""
        return self._spec.has_string_ids

    async def rows(self, vectors: NDArray[np.float32]) -> None:
        """Adds finite float32 rows [n, dim]; they get the next numbers, where these are ids."""
        if vectors.shape[1:] != (self._spec.dim,):
            raise wrong_dim(vectors.shape[-1], self._spec.dim)
        step = max(1, CHUNK_BYTES // (4 * self._spec.dim))
        for start in range(0, len(vectors), step):
            some = np.ascontiguousarray(vectors[start : start + step], "<f4")
            await self._log_event(BulkRows(self._bulk, self.row_count, some.tobytes()))
            self.row_count += len(some)

    async def ids(self, first: int, ids: Sequence[str]) -> None:
        """Gives rows ``first`` … their ids, where these are strings: all of them, in order.

        Raises InvalidRequest ``bad_payload`` for rows that do not follow on, or are not there.
        """
        if not self._spec.has_string_ids or first != self._named or first + len(ids) > self.row_count:
            raise InvalidRequest(f"row {first} is not the next one to get an id", code="bad_payload")
        lsn = await self._log_event(BulkIds(self._bulk, first, list(ids)))
        self._ids_since = self._ids_since or lsn
        self._named += len(ids)

    async def payloads(self, first: int, payloads: Sequence[bytes | None]) -> None:
        """Gives rows ``first`` … their payload texts; None and b"" mean none.

        Rows given already, in ascending order: raises InvalidRequest for others, as the log is read in one
        pass for each segment.
        """
        end = first + len(payloads)
        if not self._payloads_end <= first <= end <= self.row_count:
            reason = f"payloads of rows {first} to {end - 1} do not follow on, or their rows are missing"
            raise InvalidRequest(reason, code="bad_payload")
        self._payloads_end = end
        lsn = await self._log_event(BulkPayloads(self._bulk, first, list(payloads)))
        self._payloads_since = self._payloads_since or lsn
        self.payload_count += sum(1 for payload in payloads if payload)

    async def commit(self, threads: int) -> BulkResult:
        """Builds the graphs with that many threads and makes all rows count at once.

        Raises Conflict ``index_not_empty`` when something was written meanwhile.
        """
        if self._since is None:
            raise InvalidRequest("a bulk load needs at least one row", code="bad_payload")
        if self._spec.has_string_ids and self._named < self.row_count:
            reason = f"{self._named} of {self.row_count} rows have an id"
            raise InvalidRequest(reason, code="bad_payload")
        event = BulkLoaded(self._bulk, self._since, self.row_count, self._spec.dim, self._ids_since or 0)
        segments = await self._build(event, threads)
        lsn = await self._install(event, segments)
        return BulkResult(lsn, self.row_count, self.payload_count, threads)

    async def _build(self, event: BulkLoaded, threads: int) -> list[Segment]:
        """Builds in a thread; a cancelled caller has the thread stop, and waits until it has."""
        is_wanted = True

        async def watch() -> None:
            nonlocal is_wanted
            try:
                await anyio.sleep_forever()
            finally:
                is_wanted = False

        builder = replace(self._builder, is_wanted=lambda: is_wanted and self._builder.is_wanted())
        failure: AsteroidError | None = None
        segments: list[Segment] = []
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            try:
                segments = await to_thread.run_sync(
                    builder.build, self._spec, event, threads, self._payloads_since
                )
            except AsteroidError as error:
                failure = error  # raised below, out of the group, which would wrap it
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return segments

    async def _log_event(self, event: Event) -> Lsn:
        lsn = await self._log.append([event])
        if self._since is None:
            self._since = lsn
        return lsn
