"""Bulk loads: many rows that count all at once or not at all.

The rows go to the log as they arrive (BulkRows, BulkPayloads) and are nobody's until a BulkLoaded
record names them. The graphs are built before that record is written, so that applying it only puts
finished segments in; after a crash in between, ``rebuild`` makes them again from the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from asteroid_cloud.indexer import _core
from asteroid_cloud.indexer.build import SegmentBuilder
from asteroid_cloud.indexer.segment import Segment
from asteroid_cloud.indexer.spec import IndexSpec
from asteroid_cloud.indexer.state import wrong_dim
from asteroid_cloud.wal.errors import Conflict, CorruptionError, InvalidRequest
from asteroid_cloud.wal.events import BulkLoaded, BulkPayloads, BulkRows, Event
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.log import Log
from asteroid_cloud.wal.types import Lsn

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
    """Reads a bulk load's payloads back from the log, in row order; rows without one give b""."""

    def __init__(self, log: Log, event: BulkLoaded, start: int, since: Lsn | None) -> None:
        """``since`` is where the payloads begin in the log; None when there are none."""
        self._since = since
        self._log = log
        self._event = event
        self._start = start

    def __call__(self, ids: NDArray[np.uint64]) -> Iterator[bytes]:
        """The payload of each id of one segment, in the order given."""
        texts = [b""] * len(ids)
        place = np.empty(len(ids), np.int64)
        place[ids.astype(np.int64) - self._start] = np.arange(len(ids))
        for record in self._log.read(self._since) if self._since else ():
            event = record.event
            if isinstance(event, BulkPayloads) and event.bulk == self._event.bulk:
                first = max(event.first, self._start)
                last = min(event.first + len(event.payloads), self._start + len(ids))
                if event.first >= self._start + len(ids):
                    break  # they come in row order
                for row in range(first, last):
                    texts[int(place[row - self._start])] = event.payloads[row - event.first] or b""
        return iter(texts)


@dataclass(frozen=True, slots=True)
class BulkBuilder:
    """Builds the segments of one bulk load from its records in the log."""

    builder: SegmentBuilder
    log: Log
    new_number: Callable[[], int]
    is_wanted: Callable[[], bool]

    def build(
        self, spec: IndexSpec, event: BulkLoaded, threads: int, payloads_since: Lsn | None
    ) -> list[Segment]:
        """The segments of rows 0 … rows − 1, none larger than the memory budget allows."""
        rows_max = self.builder.options.graph_rows_max(spec)
        segments: list[Segment] = []
        start = 0
        graph = self.builder.new_graph(spec, min(rows_max, event.rows))
        for vectors in self._vectors(spec, event):
            if not self.is_wanted():
                raise Conflict("the index was deleted, or the store is closing")
            if start + graph.rows + len(vectors) > event.rows:
                raise CorruptionError("bulk load", 0, "the log holds more rows than were loaded")
            while len(vectors):
                room = min(rows_max, event.rows - start) - graph.rows
                some, vectors = vectors[:room], vectors[room:]
                ids = np.arange(start + graph.rows, start + graph.rows + len(some), dtype=np.uint64)
                graph.add(ids, _core.encode(some, spec.native_metric), threads)
                if graph.rows == min(rows_max, event.rows - start):
                    segments.append(self._write(spec, event, graph, start, payloads_since))
                    start += graph.rows
                    graph = self.builder.new_graph(spec, max(1, min(rows_max, event.rows - start)))
        if start != event.rows or graph.rows:
            raise CorruptionError("bulk load", 0, f"the log holds {start} of its {event.rows} rows")
        return segments

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

    def _write(
        self,
        spec: IndexSpec,
        event: BulkLoaded,
        graph: _core.GraphBuilder,
        start: int,
        payloads_since: Lsn | None,
    ) -> Segment:
        number = self.new_number()
        payloads = BulkPayloadReader(self.log, event, start, payloads_since)
        self.builder.write(number, spec, graph, payloads)
        builder = self.builder
        return Segment(builder.files, builder.folder, builder.identity, number, spec, Lsn(0))


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
        segments = await to_thread.run_sync(
            self._builder.build, self._spec, event, threads, self._payloads_since
        )
        lsn = await self._install(event, segments)
        return BulkResult(lsn, self.row_count, self.payload_count, threads)

    async def _log_event(self, event: Event) -> Lsn:
        lsn = await self._log.append([event])
        if self._since is None:
            self._since = lsn
        return lsn
