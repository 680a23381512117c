"""Selecting records of a log: by LSN, time, kind of event, and the ids that they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

import msgspec
from zstandard import ZstdDecompressor

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.events import (
    BulkIds,
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    HistoryBegun,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    RequestAnswered,
    TextDefined,
    VectorsDeleted,
    VectorsUpserted,
    bare_rows,
    packed_bits,
)
from asteroid_cloud.wal.format.frame import FrameHeader
from asteroid_cloud.wal.format.ids import ID_BYTES, Ids, listed_ids
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.format.rows_written import PatchedRows, RowsWritten, SetRows
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import Frame
from asteroid_cloud.wal.read.log_reader import LogReader

FLOAT_BYTES = 4
KINDS = tuple(kind.__name__ for kind in Event.__args__)
"""The names of the events, in the order of their tags."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds are inclusive; a field that is None or empty selects everything."""

    from_lsn: Lsn = Lsn(1)
    until_lsn: Lsn | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    kinds: frozenset[str] = frozenset()
    """Names of ``KINDS``."""
    ids: frozenset[int | str] = frozenset()
    """Integers are ids of indexes of integers, strings of those of strings."""

    def is_beyond(self, header: FrameHeader) -> bool:
        """Whether this frame and all behind it are after the last record."""
        return self.until_lsn is not None and header.first_lsn > self.until_lsn

    def in_lsns(self, log: LogReader) -> Selection:
        """The same with LSNs in the place of times; reads the log if there are times.

        ``until_ms`` stands for the record that ``last_until`` gives, and ``since_ms`` for the one after that
        of the millisecond before: as everywhere, what is logged up to a time begins with the first record.
        """
        from_lsn, until_lsn = self.from_lsn, self.until_lsn
        if self.until_ms is not None:
            last = last_until(log.held_frames(), self.until_ms) or Lsn(0)
            until_lsn = last if until_lsn is None else min(last, until_lsn)
        if self.since_ms is not None:
            from_lsn = max(from_lsn, Lsn((last_until(log.held_frames(), self.since_ms - 1) or 0) + 1))
        return msgspec.structs.replace(
            self, from_lsn=from_lsn, until_lsn=until_lsn, since_ms=None, until_ms=None
        )

    def of(self, record: Record, loads: Mapping[int, BulkLoaded]) -> Iterator[Record]:
        """The record if it is selected; when ids are given, only its rows with these ids, in pieces.

        ``loads`` are the finished bulk loads, by number; an unfinished one changes no id.
        """
        is_late = record.lsn >= self.from_lsn
        is_early = self.until_lsn is None or record.lsn <= self.until_lsn
        if not (is_late and is_early) or (self.kinds and type(record.event).__name__ not in self.kinds):
            return
        if not self.ids:
            yield record
            return
        for event in touching(record.event, self.ids, loads):
            yield Record(record.lsn, record.time_ms, event, request=record.request)


def select(log: LogReader, selection: Selection) -> Iterator[Record]:
    """The selected records of a log, up to its end; raises as ``LogReader.held_frames``.

    When ids are given the log is read once before: the last record of a bulk load says which ids it has.
    """
    selection = selection.in_lsns(log)
    loads = _finished_loads(log) if selection.ids else {}
    unpacker = ZstdDecompressor()
    for frame in log.held_frames(selection.from_lsn):
        if selection.is_beyond(frame.header):
            return
        for record in frame.records(unpacker):
            yield from selection.of(record, loads)


def last_until(frames: Iterable[Frame], time_ms: int) -> Lsn | None:
    """The last of all records that were logged up to a time, by the writer's clock; None when there is none.

    Records before it count as logged by then, whatever the clock said: it may have been ahead for a while.
    Damage counts as the end once a later record has come: raises CorruptionError before that.
    """
    last, is_passed = None, False
    try:
        for frame in frames:
            if frame.clock_ms <= time_ms:
                last = frame.header.last_lsn
            else:
                is_passed = True
    except CorruptionError:
        if not is_passed:
            raise
    return last


def touching(event: Event, ids: frozenset[int | str], loads: Mapping[int, BulkLoaded]) -> Iterator[Event]:
    """The part of an event that changes any of the ids; the deletion of an index changes all of them."""
    match event:
        case VectorsUpserted(packed, _, payloads):
            found = [number for number, each in enumerate(listed_ids(packed)) if each in ids]
            if found:
                chosen = None if payloads is None else [payloads[number] for number in found]
                rows, bits = _vectors(event, found)
                yield VectorsUpserted(_chosen(packed, found), rows, chosen, bits)
        case VectorsDeleted(packed):
            found = [number for number, each in enumerate(listed_ids(packed)) if each in ids]
            if found:
                yield VectorsDeleted(_chosen(packed, found))
        case PayloadReplaced() | PayloadMerged():
            if event.id in ids:
                yield event
        case RowsWritten():
            yield from _written(event, ids)
        case BulkRows(bulk, first, vectors):
            if bulk in loads:  # a row's number is its id
                size = loads[bulk].dim * FLOAT_BYTES
                for number in _inside(ids, first, len(vectors) // size, loads[bulk]):
                    yield BulkRows(bulk, number, _rows(vectors, size, [number - first]))
        case BulkPayloads(bulk, first, texts):
            if bulk in loads:
                for number in _inside(ids, first, len(texts), loads[bulk]):
                    yield BulkPayloads(bulk, number, [texts[number - first]])
        case BulkIds(bulk, first, names):
            for number, name in enumerate(names):
                if bulk in loads and name in ids:
                    yield BulkIds(bulk, first + number, [name])
        case BulkLoaded():
            if any(event.ids_since if isinstance(each, str) else each < event.rows for each in ids):
                yield event
        case IndexDeleted():
            yield event
        case IndexCreated() | HistoryBegun() | RequestAnswered() | TextDefined():
            return


def _written(event: RowsWritten, ids: frozenset[int | str]) -> Iterator[RowsWritten]:
    """The part of it that changes any of the ids."""

    def among(packed: Ids) -> Ids:
        return _chosen(packed, [number for number, each in enumerate(listed_ids(packed)) if each in ids])

    found = [number for number, each in enumerate(listed_ids(event.upserted)) if each in ids]
    rows, bits = _vectors(event, found)
    part = msgspec.structs.replace(
        event,
        deleted=among(event.deleted),
        upserted=_chosen(event.upserted, found),
        vectors=rows,
        bare=bits,
        payloads=None if event.payloads is None else [event.payloads[number] for number in found],
        patched=[PatchedRows(some, each.patch) for each in event.patched if (some := among(each.ids))],
        set=[SetRows(some, each.values, each.unset) for each in event.set if (some := among(each.ids))],
    )
    if part.ids:
        yield part


def _vectors(event: VectorsUpserted | RowsWritten, found: list[int]) -> tuple[bytes, bytes]:
    """The vectors of some of the rows that are upserted, and which of these rows have none."""
    bare, vectors = bare_rows(event), event.vectors
    places = list(accumulate((not each for each in bare), initial=0))
    taken = [places[number] for number in found if not bare[number]]
    return _rows(vectors, len(vectors) // max(1, places[-1]), taken), packed_bits([bare[n] for n in found])


def _finished_loads(log: LogReader) -> dict[int, BulkLoaded]:
    unpacker = ZstdDecompressor()
    events = (record.event for frame in log.held_frames() for record in frame.records(unpacker))
    return {event.bulk: event for event in events if isinstance(event, BulkLoaded) and event.dim > 0}


def _inside(ids: frozenset[int | str], first: int, rows: int, load: BulkLoaded) -> list[int]:
    end = min(first + rows, load.rows)
    return sorted(each for each in ids if isinstance(each, int) and first <= each < end)


def _chosen(ids: Ids, numbers: list[int]) -> Ids:
    if isinstance(ids, bytes):
        return _rows(ids, ID_BYTES, numbers)
    return [ids[number] for number in numbers]


def _rows(packed: bytes, size: int, numbers: list[int]) -> bytes:
    return b"".join([packed[number * size : (number + 1) * size] for number in numbers])
