"""The segment of a bulk load, built from the load's records in the log.

The rows go to the log as they arrive (BulkRows, BulkPayloads) and count once a BulkLoaded record names them.
The segment is built before that record is written, so that applying it only puts the segment in. After a
crash between the two, replay builds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.construction import Work
from asteroid_cloud.indexer.build.linker import LINK_STEPS, Linker
from asteroid_cloud.indexer.build.payload_order import payload_windows
from asteroid_cloud.indexer.build.source import Abandoned
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import Conflict, CorruptionError
from asteroid_cloud.wal.format import BulkLoaded, BulkPayloads, BulkRows
from asteroid_cloud.wal.read import ReadableLog


class BulkPayloadReader:
    """Reads a bulk load's payloads back from the log; rows without one give b"".

    The log has them in row order and a segment in another, so they are read in as many passes over the log as
    it takes to hold a bounded number of bytes at a time.
    """

    def __init__(self, log: ReadableLog, event: BulkLoaded, since: Lsn | None, bytes_max: int) -> None:
        """``since`` is where the payloads begin in the log; None when there are none."""
        self._since = since
        self._log = log
        self._event = event
        self._bytes_max = bytes_max

    def __call__(self, ids: Keys) -> Iterator[bytes]:
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
    log: ReadableLog
    new_number: Callable[[], int]
    is_wanted: Callable[[], bool]

    def build(
        self, spec: IndexSpec, event: BulkLoaded, threads: int, payloads_since: Lsn | None
    ) -> list[Segment]:
        """The segment of rows 0 … rows − 1, its graph linked as many rows at a time as the budget allows."""
        builder, number = self.builder, self.new_number()
        progress = core.Progress(self.is_wanted)
        work = Work(
            "bulk",
            event.rows,
            builder.sizes.build_bytes(spec, event.rows, builder.budget.building),
            LINK_STEPS * event.rows,
            progress,
        )
        try:
            with builder.translated_failures(self.is_wanted), builder.queued(work, self.is_wanted):
                graph = self._linked(spec, event, threads, progress)
                window_bytes = builder.budget.building.bytes_max // 4
                payloads = BulkPayloadReader(self.log, event, payloads_since, window_bytes)
                builder.write(number, spec, graph, payloads, progress, self.is_wanted)
                self.log.forget(Lsn(event.since))  # all passes over the log are done
                return [builder.opened(number, spec, Lsn(0), self.is_wanted)]
        except Abandoned:
            raise Conflict("the index was deleted, or the store is closing") from None

    def _linked(
        self, spec: IndexSpec, event: BulkLoaded, threads: int, progress: core.Progress
    ) -> core.GraphBuilder:
        """The rows of the load, linked."""
        share = self.builder.budget.building
        graph = self.builder.new_graph(spec, event.rows, share)
        rows_max = self.builder.sizes.link_rows_max(spec, event.rows, share)
        linker = Linker(graph, rows_max, lambda: threads, progress)
        for vectors in self._vectors(spec, event):
            if graph.rows + len(vectors) > event.rows:
                raise CorruptionError("bulk load", 0, "the log holds more rows than were loaded")
            linker.append(spec.ids.numbered(graph.rows, len(vectors)), spec.encode(vectors))
        if graph.rows != event.rows:
            detail = f"the log holds {graph.rows} of its {event.rows} rows"
            raise CorruptionError("bulk load", 0, detail)
        linker.finish()
        return graph

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
