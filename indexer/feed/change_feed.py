"""The change feed: what was logged after an LSN, record by record, in pieces of bounded size.

A feed reads durable records from the log's files, beside any other reader. It keeps nothing from being
trimmed: a feed that falls behind so far that the log is trimmed past it ends with an error. It says what was
logged, in order: a record without effect when it was applied (a payload for an id that is gone) is without
effect for a follower that applies the changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from anyio import CapacityLimiter, to_thread
from numpy.typing import NDArray

from asteroid_cloud.indexer.feed.bulk_names import BulkNames
from asteroid_cloud.indexer.feed.change import LINE_BYTES, Change, ChangeKind, FeedParts
from asteroid_cloud.indexer.feed.row_vectors import RowVectors
from asteroid_cloud.indexer.feed.written_rows import change_of_one, parts_of
from asteroid_cloud.indexer.limits import FEED_CHUNK_BYTES, FEED_SCAN_BYTES_MAX
from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS, Id, Keys
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.errors import InvalidRequest, LogPruned, NotFound
from asteroid_cloud.wal.format import (
    ID_BYTES,
    NAME_BYTES,
    BulkIds,
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    HistoryBegun,
    Ids,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    Record,
    RequestAnswered,
    RowsWritten,
    TextDefined,
    VectorsDeleted,
    VectorsUpserted,
    event_bytes,
    ids_in,
)
from asteroid_cloud.wal.read import LogCursor


class _Paused(Exception):
    """One step has read as much of the log as it may, in the middle of a record."""


class ChangeFeed:
    """The changes after one LSN; one task calls ``next`` and ``more`` alternately."""

    def __init__(self, log: LocalLog, since: int, parts: FeedParts, threads: CapacityLimiter) -> None:
        """Raises NotFound ``changes_pruned``, and InvalidRequest ``bad_since`` for an LSN not reached yet."""
        if since > log.durable_lsn:
            raise InvalidRequest(
                f"the newest record is {log.durable_lsn}, not yet {since}",
                code="bad_since",
                lsn=log.durable_lsn,
            )
        if since + 1 < log.first_lsn:
            raise _pruned(since, log.first_lsn)
        self.since = Lsn(since)
        """All changes up to here were given out whole."""
        self._log = log
        self._parts = parts
        self._threads = threads
        self._cursor = log.reader.cursor(Lsn(since + 1))
        self._row = 0
        """Rows of the next record that were given out already."""
        self._bulk: LogCursor | None = None
        self._names: BulkNames | None = None

    async def next(self) -> list[Change]:
        """The next few changes, FEED_CHUNK_BYTES and one row at the most; maybe none, see ``is_behind``.

        Raises NotFound ``changes_pruned`` when the log was trimmed past this feed, CorruptionError.
        """
        return await to_thread.run_sync(self._next, limiter=self._threads)

    @property
    def is_behind(self) -> bool:
        """Whether there are durable records that were not given out yet."""
        return self.since < self._log.durable_lsn

    async def more(self) -> None:
        """Returns once the feed is behind."""
        await self._log.followers.grown_beyond(self.since)

    def close(self) -> None:
        """Closes the files that it reads."""
        self._cursor.close()
        self._end_bulk()

    def _end_bulk(self) -> None:
        if self._bulk is not None:
            self._bulk.close()
            self._bulk = None
        if self._names is not None:
            self._names.close()
            self._names = None

    def _next(self) -> list[Change]:
        taken: list[Change] = []
        size = scanned = 0
        try:
            while size < FEED_CHUNK_BYTES and scanned < FEED_SCAN_BYTES_MAX:
                records = self._cursor.records()
                if not records:
                    break
                scanned += sum(event_bytes(record.event) for record in records)
                for record in records:
                    size += self._take(record, FEED_CHUNK_BYTES - size, taken)
                    if size >= FEED_CHUNK_BYTES:
                        break
                self._cursor.take(Lsn(self.since + 1))
        except _Paused:
            self._cursor.take(Lsn(self.since + 1))
        except LogPruned as error:
            raise _pruned(self.since, self._log.first_lsn) from error
        return taken

    def _take(self, record: Record, room: int, taken: list[Change]) -> int:
        """Takes a record as far as there is room; the bytes that it took."""
        size = 0
        for change, change_bytes in self._pieces(record, room):
            taken.append(change)
            size += change_bytes
            if not change.more:
                break
            if size >= room:
                return size
        self.since, self._row = record.lsn, 0
        self._end_bulk()
        return size

    def _pieces(self, record: Record, room: int) -> Iterator[tuple[Change, int]]:
        lsn, time_ms, event = record.lsn, record.time_ms, record.event
        match event:
            case VectorsUpserted() | VectorsDeleted():
                yield from self._rows(record, event, room)
            case PayloadReplaced() | PayloadMerged():
                text = event.payload if isinstance(event, PayloadReplaced) else event.patch
                kind: ChangeKind = "set_payload" if isinstance(event, PayloadReplaced) else "merge_payload"
                given: list[bytes | None] | None = [text] if self._parts.payloads else None
                ids = _ids_of(event.id)
                change = Change(lsn=lsn, time_ms=time_ms, kind=kind, ids=ids, payloads=given)
                yield change, LINE_BYTES + (len(text) if given else 0)
            case RowsWritten():
                yield from self._written(record, event, room)
            case IndexCreated(dim, metric, bits, _, ids, vector):
                change = Change(
                    lsn=lsn,
                    time_ms=time_ms,
                    kind="create_index",
                    dim=dim,
                    metric=metric,
                    bits=bits,
                    id_kind=None if ids == "integer" else ids,
                    vector=None if vector == "required" else vector,
                )
                yield change, LINE_BYTES
            case IndexDeleted():
                yield Change(lsn=lsn, time_ms=time_ms, kind="delete_index"), LINE_BYTES
            case BulkLoaded():
                yield from self._bulk_load(record, event)
            case BulkRows() | BulkPayloads() | BulkIds() | HistoryBegun() | RequestAnswered() | TextDefined():
                return  # rows come with the record that makes them count; the others change none

    def _written(self, record: Record, event: RowsWritten, room: int) -> Iterator[tuple[Change, int]]:
        """What it deletes, inserts, patches and sets, in this order, from ``_row`` on; all have its LSN."""
        total, first = ids_in(event.ids), 0
        for part in parts_of(event):
            count = ids_in(part.ids)
            while first <= self._row < first + count:
                if isinstance(part, VectorsUpserted | VectorsDeleted):
                    change, size = next(self._rows(record, part, room, first, total))
                else:
                    place, self._row = self._row - first, self._row + 1
                    change, size = change_of_one(record, part, place, self._parts.payloads, self._row < total)
                room -= size
                yield change, size
            first += count

    def _rows(
        self,
        record: Record,
        event: VectorsUpserted | VectorsDeleted,
        room: int,
        first: int = 0,
        total: int | None = None,
    ) -> Iterator[tuple[Change, int]]:
        """The rows from ``_row`` on, as many as fit, one at least; ``first`` is the event's first row."""
        ids = _ids_of(event.ids)
        of_rows: RowVectors | None = None
        payloads: list[bytes | None] | None = None
        if isinstance(event, VectorsUpserted):
            payloads = event.payloads if self._parts.payloads else None
            if self._parts.vectors:
                of_rows = RowVectors(event)
        row_bytes = ID_BYTES + (of_rows.dim * 4 if of_rows is not None else 0)
        start, size = self._row - first, LINE_BYTES
        end = start
        while end < len(ids) and (end == start or size < room):
            size += row_bytes + (len(payloads[end] or b"") if payloads is not None else 0)
            size += NAME_BYTES + len(ids[end]) if isinstance(event.ids, list) else 0
            end += 1
        self._row = first + end
        vectors, bare = (None, None) if of_rows is None else of_rows.between(start, end)
        change = Change(
            lsn=record.lsn,
            time_ms=record.time_ms,
            kind="upsert" if isinstance(event, VectorsUpserted) else "delete",
            ids=ids[start:end].copy(),  # a view would keep the whole record
            payloads=None if payloads is None else payloads[start:end],
            vectors=vectors,
            bare=bare,
            more=self._row < (len(ids) if total is None else total),
        )
        yield change, size

    def _bulk_load(self, record: Record, event: BulkLoaded) -> Iterator[tuple[Change, int]]:
        """The rows that were staged before it, if they are wanted, then the record itself."""
        if event.ids_since and self._names is None:
            self._names = BulkNames(self._log, event)
        if self._parts.payloads or self._parts.vectors:
            if self._bulk is None:
                self._bulk = self._log.reader.cursor(Lsn(event.since))
            yield from self._staged(record, event, self._bulk)
        elif self._names is not None:
            yield from self._named(record, event, self._names)
        change = Change(
            lsn=record.lsn, time_ms=record.time_ms, kind="bulk_load", rows=event.rows, dim=event.dim
        )
        yield change, LINE_BYTES

    def _named(self, record: Record, event: BulkLoaded, names: BulkNames) -> Iterator[tuple[Change, int]]:
        """The ids alone, where they are more than the numbers of the rows."""
        while (first := self._row) < event.rows:
            self._row = first + names.rows_from(first)
            ids = names.of(first, self._row)
            change = Change(
                lsn=record.lsn, time_ms=record.time_ms, kind="bulk_load", ids=ids, dim=event.dim, more=True
            )
            yield change, LINE_BYTES + STRING_IDS.bytes_of(ids)

    def _staged(self, record: Record, event: BulkLoaded, cursor: LogCursor) -> Iterator[tuple[Change, int]]:
        """What a bulk load staged, from ``_row`` of the cursor's record on, piece by piece."""
        scanned = 0
        while cursor.next_lsn < record.lsn:
            if scanned >= FEED_SCAN_BYTES_MAX:
                raise _Paused  # most of a load may be what is not wanted: the next step goes on from here
            staged = cursor.records()
            each = staged[0]
            while (piece := self._staged_piece(record, each, event)) is not None:
                cursor.take(each.lsn)
                yield piece
            self._row = 0
            scanned += event_bytes(each.event)
            cursor.take(Lsn(each.lsn + 1))

    def _staged_piece(self, record: Record, staged: Record, event: BulkLoaded) -> tuple[Change, int] | None:
        """The next rows of one staged record, about FEED_CHUNK_BYTES; None when there are none left."""
        start = self._row
        shown: NDArray[np.float32] | None = None
        given: list[bytes | None] | None = None
        match staged.event:
            case BulkRows(bulk, first, packed) if bulk == event.bulk and self._parts.vectors:
                vectors = np.frombuffer(packed, "<f4").reshape(-1, event.dim)
                end = min(len(vectors), start + max(1, FEED_CHUNK_BYTES // (4 * event.dim)))
                shown = vectors[start:end].copy()
                size = LINE_BYTES + shown.nbytes
            case BulkPayloads(bulk, first, texts) if bulk == event.bulk and self._parts.payloads:
                end, size = start, LINE_BYTES
                while end < len(texts) and size < FEED_CHUNK_BYTES:
                    size += 8 + len(texts[end] or b"")
                    end += 1
                given = [text or b"" for text in texts[start:end]]
            case _:
                return None
        if end == start:
            return None
        self._row = end
        change = Change(
            lsn=record.lsn,
            time_ms=record.time_ms,
            kind="bulk_load",
            ids=self._ids_of_rows(first + start, first + end),
            payloads=given,
            vectors=shown,
            dim=event.dim,
            more=True,
        )
        return change, size

    def _ids_of_rows(self, first: int, end: int) -> Keys:
        if self._names is not None:
            return self._names.of(first, end)
        return np.arange(first, end, dtype=np.uint64)


def _ids_of(ids: Ids | Id) -> Keys:
    """Ids of a record, whichever kind they are of."""
    if isinstance(ids, int | str):
        return INTEGER_IDS.one(ids) if isinstance(ids, int) else STRING_IDS.one(ids)
    return INTEGER_IDS.unpack(ids) if isinstance(ids, bytes) else STRING_IDS.unpack(ids)


def _pruned(since: int, first_lsn: int) -> NotFound:
    return NotFound(
        f"the log begins with record {first_lsn}; what came after {since} is not all there any more",
        code="changes_pruned",
        first_lsn=first_lsn,
    )
