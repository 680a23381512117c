"""Statistics of a log: records, rows and bytes by kind of event, and how well they pack."""

from __future__ import annotations

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.events import (
    BulkIds,
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
    bare_count,
)
from asteroid_cloud.wal.format.ids import ids_in
from asteroid_cloud.wal.format.rows_written import RowsWritten
from asteroid_cloud.wal.histories import Jump
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_walker import Damage
from asteroid_cloud.wal.read.frame_window import Frame
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.read.selection import FLOAT_BYTES


class KindStatistics(msgspec.Struct):
    """One kind of event."""

    event: str
    records: int = 0
    rows: int = 0
    """Vectors, ids or payloads."""
    raw_bytes: int = 0
    packed_bytes: float = 0.0
    """Of each frame, in proportion to its raw bytes: events of a frame are packed together."""

    @property
    def ratio(self) -> float:
        """Packed bytes for each raw one."""
        return self.packed_bytes / self.raw_bytes if self.raw_bytes else 0.0


class LargestRecord(msgspec.Struct, frozen=True):
    """The largest record, before compression."""

    lsn: Lsn
    event: str
    raw_bytes: int


class LogStatistics(msgspec.Struct, kw_only=True):
    """A whole log, up to its end or to what is wrong with it."""

    records: int = 0
    rows: int = 0
    frames: int = 0
    records_a_frame_max: int = 0
    raw_bytes: int = 0
    packed_bytes: int = 0
    """Frames with their headers."""
    first_lsn: Lsn = Lsn(0)
    last_lsn: Lsn = Lsn(0)
    first_ms: int = 0
    """The earliest time of a frame, in milliseconds since 1970, and the latest."""
    last_ms: int = 0
    clock_steps_back: int = 0
    """How often the writer's clock said less than before."""
    clock_back_ms_max: int = 0
    """How far it was behind what it had said before, at the most."""
    histories: list[Jump] = []
    """Where the store went back in time, and with which record it went on."""
    vectors: int = 0
    vector_packed_bytes: float = 0.0
    """Packed bytes of the events that carry vectors, their ids and payloads included."""
    largest: LargestRecord | None = None
    kinds: list[KindStatistics] = []
    damage: Damage | None = None

    @property
    def ratio(self) -> float:
        """Packed bytes for each raw one."""
        return self.packed_bytes / self.raw_bytes if self.raw_bytes else 0.0

    @property
    def bytes_a_vector(self) -> float:
        """On the disk, with the id and payload that were logged with it."""
        return self.vector_packed_bytes / self.vectors if self.vectors else 0.0


def statistics_of(log: LogReader) -> LogStatistics:
    """Reads all of a log; damage ends the reading and is noted. Raises NotFound, UnsupportedVersion."""
    counting = _Counting()
    try:
        for frame in log.held_frames():
            counting.add(frame)
    except CorruptionError as error:
        counting.found.damage = Damage.of(error)
    return counting.finished()


class _Counting:
    def __init__(self) -> None:
        self.found = LogStatistics()
        self._kinds: dict[str, KindStatistics] = {}
        self._unpacker = ZstdDecompressor()
        self._dim = 0
        self._newest_clock_ms = 0
        self._last_clock_ms = 0
        self._floats: dict[int, int] = {}
        """Of bulk loads whose dimension is not known yet."""

    def add(self, frame: Frame) -> None:
        """Counts a frame; raises CorruptionError when it does not decode."""
        header, found = frame.header, self.found
        share = header.frame_bytes / header.raw_bytes
        sized = list(frame.sized_events(self._unpacker))
        if not found.frames:
            found.first_lsn, found.first_ms = header.first_lsn, header.time_ms
        found.first_ms = min(found.first_ms, header.time_ms)
        found.last_ms = max(found.last_ms, header.time_ms)
        self._look_at_clock(frame)
        if (history := frame.history) is not None:
            found.histories.append(Jump(Lsn(history.branched_at), header.first_lsn))
        found.last_lsn = header.last_lsn
        found.frames += 1
        found.records += header.count
        found.records_a_frame_max = max(found.records_a_frame_max, header.count)
        found.raw_bytes += header.raw_bytes
        found.packed_bytes += header.frame_bytes
        for lsn, (event, raw) in enumerate(sized, header.first_lsn):
            self._count(Lsn(lsn), event, raw, share)

    def _look_at_clock(self, frame: Frame) -> None:
        clock_ms, found = frame.clock_ms, self.found
        found.clock_steps_back += clock_ms < self._last_clock_ms
        found.clock_back_ms_max = max(found.clock_back_ms_max, self._newest_clock_ms - clock_ms)
        self._newest_clock_ms, self._last_clock_ms = max(self._newest_clock_ms, clock_ms), clock_ms

    def finished(self) -> LogStatistics:
        """What was counted."""
        for floats in self._floats.values():
            self._add_bulk_rows(floats, self._dim)
        found = self.found
        found.rows = sum(kind.rows for kind in self._kinds.values())
        found.kinds = sorted(self._kinds.values(), key=lambda kind: -kind.raw_bytes)
        return found

    def _count(self, lsn: Lsn, event: Event, raw: int, share: float) -> None:
        name = type(event).__name__
        kind = self._kinds.setdefault(name, KindStatistics(name))
        kind.records += 1
        kind.raw_bytes += raw
        kind.packed_bytes += raw * share
        kind.rows += self._rows_of(event)
        if isinstance(event, VectorsUpserted | BulkRows | RowsWritten):
            self.found.vector_packed_bytes += raw * share
        if isinstance(event, VectorsUpserted):
            self.found.vectors += ids_in(event.ids) - bare_count(event.bare)
        elif isinstance(event, RowsWritten):
            self.found.vectors += ids_in(event.upserted) - bare_count(event.bare)
        if self.found.largest is None or raw > self.found.largest.raw_bytes:
            self.found.largest = LargestRecord(lsn, name, raw)

    def _rows_of(self, event: Event) -> int:
        match event:
            case IndexCreated(dim):
                self._dim = dim
            case VectorsUpserted(ids) | VectorsDeleted(ids):
                return ids_in(ids)
            case RowsWritten():
                return ids_in(event.ids)
            case PayloadReplaced() | PayloadMerged():
                return 1
            case BulkIds(ids=names):
                return len(names)
            case BulkPayloads(_, _, payloads):
                return len(payloads)
            case BulkRows(bulk, _, vectors):  # the end of the load says how many rows that is
                self._floats[bulk] = self._floats.get(bulk, 0) + len(vectors) // FLOAT_BYTES
            case BulkLoaded(bulk, _, _, dim):
                self._add_bulk_rows(self._floats.pop(bulk, 0), dim)
        return 0

    def _add_bulk_rows(self, floats: int, dim: int) -> None:
        rows = floats // dim if dim else 0
        self._kinds.setdefault("BulkRows", KindStatistics("BulkRows")).rows += rows
        self.found.vectors += rows
