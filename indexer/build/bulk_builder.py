"""Bulk loads: many rows that count all at once or not at all.

The rows go to the log as they arrive (BulkRows, BulkPayloads) and are nobody's until a BulkLoaded
record names them. The graphs are built before that record is written, so that applying it only puts
finished segments in; after a crash in between, ``rebuild`` makes them again from the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from asteroid_cloud.indexer.build.budget import Work
from asteroid_cloud.indexer.build.builder import (
    LINK_STEPS,
    Abandoned,
    Linker,
    SegmentBuilder,
    payload_windows,
)
from asteroid_cloud.indexer.model.errors import wrong_dim
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Log
from asteroid_cloud.wal.errors import AsteroidError, Conflict, CorruptionError, InvalidRequest
from asteroid_cloud.wal.format import BulkLoaded, BulkPayloads, BulkRows, Event
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


class BulkPayloadReader:
    """Reads a bulk load's payloads back from the log; rows without one give b"".

    The log has them in row order and a segment in its own, so they are read in as many passes over the log
    as it takes to hold a bounded number of bytes at a time.
    """

    def __init__(self, log: Log, event: BulkLoaded, since: Lsn | None, bytes_max: int) -> None:
        """``since`` is where the payloads begin in the log; None when there are none."""
        self._since = since
        self._log = log
        self._event = event
        self._bytes_max = bytes_max

    def __call__(self, ids: NDArray[np.uint64]) -> Iterator[bytes]:
        """The payload of each id, in the order given; ids are row numbers."""
        rows = ids.astype(np.int64)
        for window in payload_windows(self._sizes()[rows], self._bytes_max):
            yield from self._texts(rows[window])

    def _sizes(self) -> NDArray[np.int64]:
        """The bytes of each row's payload."""
        sizes = np.zeros(self._event.rows, np.int64)
        for event in self._events():
            last = event.first + len(event.payloads)
            sizes[event.first : last] += [len(payload or b"") for payload in event.payloads]
        return sizes

    def _texts(self, rows: NDArray[np.int64]) -> list[bytes]:
        texts = [b""] * len(rows)
        by_row = np.argsort(rows)
        ordered = rows[by_row]
        for event in self._events():
            last = event.first + len(event.payloads)
            low, high = np.searchsorted(ordered, [event.first, last])
            for place, row in zip(by_row[low:high].tolist(), ordered[low:high].tolist(), strict=True):
                texts[place] = event.payloads[row - event.first] or b""
        return texts

    def _events(self) -> Iterator[BulkPayloads]:
        for record in self._log.read(self._since) if self._since else ():
            if isinstance(record.event, BulkPayloads) and record.event.bulk == self._event.bulk:
                yield record.event


@dataclass(frozen=True, slots=True)
class BulkBuilder:
    """Builds the segment of one bulk load from its records in the log."""

    builder: SegmentBuilder
    log: Log
    new_number: Callable[[], int]
    is_wanted: Callable[[], bool]

    def build(
        self, spec: IndexSpec, event: BulkLoaded, threads: int, payloads_since: Lsn | None
    ) -> list[Segment]:
        """The segment of rows 0 … rows − 1, its graph linked as many rows at a time as the budget allows."""
        builder, number = self.builder, self.new_number()
        progress = core.Progress(self.is_wanted)
        size = builder.options.graph_bytes(spec, event.rows)
        work = Work("bulk", event.rows, size, LINK_STEPS * event.rows, progress)
        try:
            with builder.building(self.is_wanted), builder.in_turn(work, self.is_wanted):
                draft = builder.new_draft(spec, event.rows)
                linker = Linker(draft, builder.options.graph_rows_max(spec, event.rows), threads, progress)
                for vectors in self._vectors(spec, event):
                    if draft.rows + len(vectors) > event.rows:
                        raise CorruptionError("bulk load", 0, "the log holds more rows than were loaded")
                    ids = np.arange(draft.rows, draft.rows + len(vectors), dtype=np.uint64)
                    linker.append(ids, spec.encode(vectors))
                if draft.rows != event.rows:
                    detail = f"the log holds {draft.rows} of its {event.rows} rows"
                    raise CorruptionError("bulk load", 0, detail)
                linker.finish()
                window_bytes = builder.options.graph_bytes_max // 4
                payloads = BulkPayloadReader(self.log, event, payloads_since, window_bytes)
                builder.write(number, spec, draft, payloads, progress)
                self.log.forget(Lsn(event.since))  # all its passes over the log are done
        except Abandoned:
            raise Conflict("the index was deleted, or the store is closing") from None
        return [Segment(builder.files, builder.folder, builder.identity, number, spec, Lsn(0))]

    def _vectors(self, spec: IndexSpec, event: BulkLoaded) -> Iterator[NDArray[np.float32]]:
        expected = 0
        for record in self.log.read(Lsn(event.since)):
            rows = record.event
            if not isinstance(rows, BulkRows) or rows.bulk != event.bulk:
                continue
            if rows.first != expected:
                raise CorruptionError("bulk load", 0, f"row {expected} is missing from the log")
            vectors = np.frombuffer(rows.vectors, "<f4").reshape(-1, spec.dim)
            expected += len(vectors)
            yield vectors


class BulkLoader:
    """One bulk load in progress: ``rows`` as they come, then ``payloads``, then ``commit``."""

    def __init__(
        self,
        spec: IndexSpec,
        log: Log,
        builder: BulkBuilder,
        install: Callable[[BulkLoaded, list[Segment]], Awaitable[Lsn]],
    ) -> None:
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

    async def rows(self, vectors: NDArray[np.float32]) -> None:
        """Adds finite float32 rows [n, dim]; they get the next ids."""
        if vectors.shape[1:] != (self._spec.dim,):
            raise wrong_dim(vectors.shape[-1], self._spec.dim)
        step = max(1, CHUNK_BYTES // (4 * self._spec.dim))
        for start in range(0, len(vectors), step):
            some = np.ascontiguousarray(vectors[start : start + step], "<f4")
            await self._log_event(BulkRows(self._bulk, self.row_count, some.tobytes()))
            self.row_count += len(some)

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
        event = BulkLoaded(self._bulk, self._since, self.row_count, self._spec.dim)
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
