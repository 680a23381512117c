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
from asteroid_cloud.indexer.build.payload_order import RowKeys, payload_windows
from asteroid_cloud.indexer.build.source import Abandoned
from asteroid_cloud.indexer.model.ids import STRING_IDS
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import Conflict, CorruptionError, InvalidRequest
from asteroid_cloud.wal.format import BulkIds, BulkLoaded, BulkPayloads, BulkRows
from asteroid_cloud.wal.read import ReadableLog

NAMES_SHARE = 8
"""The part of the share for building that ids which are strings may take; more of them go to a file."""


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

    def __call__(self, keys: RowKeys) -> Iterator[bytes]:
        """The payload of each row, in the order given; keys are row numbers."""
        rows = keys.astype(np.int64)
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
                names = self._names(event) if spec.has_string_ids else None
                graph = self._linked(spec, event, threads, progress)
                window_bytes = builder.budget.building.bytes_max // 4
                payloads = BulkPayloadReader(self.log, event, payloads_since, window_bytes)
                builder.write(number, spec, graph, payloads, progress, self.is_wanted, names=names)
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
            keys = np.arange(graph.rows, graph.rows + len(vectors), dtype=np.uint64)
            linker.append(keys, spec.encode(vectors))
        if graph.rows != event.rows:
            detail = f"the log holds {graph.rows} of its {event.rows} rows"
            raise CorruptionError("bulk load", 0, detail)
        linker.finish()
        return graph

    def _names(self, event: BulkLoaded) -> core.NameList:
        """The ids of the rows by their numbers; more than the budget has room for lie in a scratch file."""
        size = sum(len(name.encode()) for _, names in self._id_records(event) for name in names)
        builder = self.builder
        is_large = size > builder.budget.building.bytes_max // NAMES_SHARE
        folder = builder.files.real_path(builder.folder) if is_large else ""
        taken = core.NameList(size, folder)
        for first, names in self._id_records(event):
            if first != taken.rows:
                raise CorruptionError("bulk load", 0, f"the id of row {taken.rows} is missing from the log")
            taken.append(STRING_IDS.of(names))
        if taken.rows != event.rows:
            raise CorruptionError("bulk load", 0, f"the log holds {taken.rows} of its {event.rows} ids")
        try:
            taken.order()
        except core.DamagedSegment:
            raise InvalidRequest("two rows of the load have one id", code="bad_payload") from None
        return taken

    def _id_records(self, event: BulkLoaded) -> Iterator[tuple[int, list[str]]]:
        for record in self.log.read(Lsn(event.ids_since)) if event.ids_since else ():
            if isinstance(record.event, BulkIds) and record.event.bulk == event.bulk:
                yield record.event.first, record.event.ids

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
