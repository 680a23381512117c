"""A walk over the records that match, in the order of their ids or of a field, a page at a time.

Each page reads the snapshot that is current when it is asked for and resumes after the last id of the
page before, so nothing is held for a walker between pages. Ids ascend throughout: a walk meets each id at
most once, and exactly once each id that exists and matches from its first page to its last. What is
written meanwhile is met if it lies ahead. In the order of a field the same holds of ids whose value does not
change; one that changes may be missed, or met twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Id, Ids, PartView, Snapshot, TakeBytes, unbounded
from asteroid_cloud.query.costs import COLUMN_ROW, RECORD
from asteroid_cloud.query.filters.filter import MATCH_ALL, Filter
from asteroid_cloud.query.limits import SCROLL_LIMIT_MAX
from asteroid_cloud.query.records.cursor import cursor_of, id_of_cursor
from asteroid_cloud.query.records.order import OrderBy, Position
from asteroid_cloud.query.records.order_cursor import cursor_after, position_of
from asteroid_cloud.query.records.ordered import rows_in_order
from asteroid_cloud.query.records.projection import Projection
from asteroid_cloud.query.records.records import Places, Record, records_at
from asteroid_cloud.query.selection.bitmaps import Bits, ordinals_in_steps
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import matching_rows
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import MIB

SLICE_ROWS_MAX = 4_096
"""Records that are read at a time, to fill a page of bounded size; fewer when they are large."""
SLICE_ROWS_MIN = 16
SLICE_BYTES_MAX = 16 * MIB
"""What a slice may hold, unless it has SLICE_ROWS_MIN records only."""
ROW_BYTES = 64
"""A record as JSON without its vector and payload: the id, and the names of the fields."""
ESCAPED_BYTES_MAX = 6
"""A character of an id that is a string, as JSON."""
NUMBER_BYTES = 26
"""One number of a vector as JSON, and its comma: a sign, 17 digits, a point and an exponent."""


@dataclass(frozen=True, slots=True, eq=False)
class ScrollPage:
    """Some records in id order."""

    lsn: Lsn
    records: list[Record]
    cursor: str | None
    """Give it back for the next page; None when this was the last."""


def scroll(
    snapshot: Snapshot,
    cache: FilterCache,
    *,
    limit: int,
    filter: Filter = MATCH_ALL,
    cursor: str | None = None,
    order: OrderBy | None = None,
    payload: bool = False,
    vector: bool = False,
    fields: Projection | None = None,
    bytes_max: int | None = None,
    number_bytes: int = NUMBER_BYTES,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> ScrollPage:
    """The next ``limit`` matches after the cursor, or the first ones without it: by id, or as ``order`` says.

    A page ends early, but not before its first record, where its records would take more than ``bytes_max``
    as JSON, in which a number of a vector has up to ``number_bytes``. With ``fields`` a record has only these
    of its payload. ``take`` is told of payloads and vectors before they are held.

    Raises InvalidRequest ``bad_limit``, and as ``id_of_cursor`` or ``position_of`` for the cursor.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= SCROLL_LIMIT_MAX:
        raise InvalidRequest(f"limit must be an integer from 1 to {SCROLL_LIMIT_MAX}", code="bad_limit")
    found = _found(snapshot, cache, filter, cursor, order, limit + 1, work)  # one more says whether to go on
    ids, places = found.ids, found.places
    limit = min(limit, found.limit)
    read = partial(_read, snapshot, work, payload=payload, vector=vector, fields=fields)
    if bytes_max is None:
        records = read(ids[:limit], places.slice(0, limit), take=take)
    else:
        records = _page(read, ids[:limit], places.slice(0, limit), bytes_max, number_bytes, take)
    more = len(ids) > len(records)
    following = found.following(len(records) - 1) if more else None
    return ScrollPage(snapshot.lsn, records, following)


class _Found(NamedTuple):
    """The rows of a page and perhaps one more, in order."""

    ids: Ids
    places: Places
    limit: int
    """How many of them the page may have."""
    following: Callable[[int], str]
    """The cursor of the page that begins after the row of this number."""


def _found(
    snapshot: Snapshot,
    cache: FilterCache,
    filter: Filter,
    cursor: str | None,
    order: OrderBy | None,
    wanted: int,
    work: Work,
) -> _Found:
    if order is None:
        after = None if cursor is None else id_of_cursor(cursor, filter, snapshot)
        ids, places = _smallest(snapshot, cache, filter, after, wanted, work)
        by_id = ids.tolist()
        return _Found(ids, places, wanted - 1, lambda row: cursor_of(by_id[row], snapshot.lsn, filter))
    position = None if cursor is None else position_of(cursor, filter, order, snapshot)
    pool = rows_in_order(snapshot, cache, filter, order, position, wanted, work)
    rows = pool.sorted()
    entries = [entry for _, entry in rows]
    parts = np.array([entry.part for entry in entries], np.uint32)
    ordinals = np.array([entry.ordinal for entry in entries], np.uint32)
    ids = snapshot.spec.ids.of([entry.id for entry in entries])

    def following(row: int) -> str:
        rank, entry = rows[row]
        return cursor_after(Position(rank, entry.value, entry.id), snapshot.lsn, filter, order)

    return _Found(ids, Places(parts, ordinals), pool.wanted - 1, following)


def _read(
    snapshot: Snapshot,
    work: Work,
    ids: Ids,
    places: Places,
    *,
    payload: bool,
    vector: bool,
    fields: Projection | None,
    take: TakeBytes,
) -> list[Record]:
    work.spend(len(ids) * RECORD)
    return records_at(
        snapshot, ids, places, payload=payload, vector=vector, fields=fields, take=take, work=work
    )


def _page(
    read: Callable[..., list[Record]],
    ids: Ids,
    places: Places,
    bytes_max: int,
    number_bytes: int,
    take: TakeBytes,
) -> list[Record]:
    """As many of the records as have room, one at least; read in slices, so that few are in excess."""
    records: list[Record] = []
    rows, room = SLICE_ROWS_MAX, bytes_max
    while len(records) < len(ids):
        first, last = len(records), len(records) + rows
        meter = _SliceMeter(SLICE_BYTES_MAX if rows > SLICE_ROWS_MIN else None)
        try:
            some = read(ids[first:last], places.slice(first, last), take=meter.take)
        except _SliceTooLarge:
            rows = max(SLICE_ROWS_MIN, rows // 4)
            continue
        take(meter.bytes)
        fitting, room = _fitting(some, room, number_bytes, at_least=not records)
        records += some[:fitting]
        if fitting < len(some):
            break
    return records


class _SliceTooLarge(Exception):
    """A slice has more bytes than are to be held at a time."""


class _SliceMeter:
    """Counts what a slice holds, and stops the reading of one that is too large."""

    def __init__(self, bytes_max: int | None) -> None:
        self.bytes = 0
        self._bytes_max = bytes_max

    def take(self, size: int) -> None:
        """Counts; raises _SliceTooLarge."""
        self.bytes += size
        if self._bytes_max is not None and self.bytes > self._bytes_max:
            raise _SliceTooLarge


def _fitting(records: list[Record], room: int, number_bytes: int, *, at_least: int) -> tuple[int, int]:
    """How many of the records have room, ``at_least`` in any case, and what is left of it."""
    for number, record in enumerate(records):
        size = json_bytes_max(record, number_bytes)
        if size > room and number >= at_least:
            return number, room
        room -= size
    return len(records), room


def json_bytes_max(record: Record, number_bytes: int = NUMBER_BYTES) -> int:
    """What a record takes as JSON, at the most."""
    numbers = 0 if record.vector is None else len(record.vector)
    name = ESCAPED_BYTES_MAX * len(record.id) if isinstance(record.id, str) else 0
    return ROW_BYTES + name + number_bytes * numbers + len(record.payload or b"")


def _smallest(
    snapshot: Snapshot, cache: FilterCache, filter: Filter, after: Id | None, wanted: int, work: Work
) -> tuple[Ids, Places]:
    """The ``wanted`` smallest matching ids beyond ``after``, ascending, and their places."""
    pool = _Pool(snapshot.spec.ids.of([]), after, wanted, work)
    for number, view in enumerate(snapshot.parts):
        found = matching_rows(view, filter, cache, work)
        if found.count:
            pool.add_part(number, view, found.mask)
    return pool.sorted()


class _Pool:
    """The smallest ids seen so far; trimmed by partition, so that only one page is ever sorted."""

    def __init__(self, none: Ids, after: Id | None, wanted: int, work: Work) -> None:
        self._work = work
        self._after = np.uint64(after) if isinstance(after, int) else after
        self._wanted = wanted
        self._ids = none
        self._parts = np.empty(0, np.uint32)
        self._ordinals = np.empty(0, np.uint32)

    def add_part(self, number: int, view: PartView, mask: Bits | None) -> None:
        """Takes in what a part adds to the smallest."""
        if self._ids.dtype == np.object_:
            return self._add_in_order(number, view, mask)
        for ordinals in ordinals_in_steps(mask, view.rows):
            self._work.spend(len(ordinals) * COLUMN_ROW)
            ids = view.ids(ordinals)
            wanted = np.ones(len(ids), np.bool_) if self._after is None else ids > self._after
            if len(self._ids) == self._wanted:
                wanted &= ids < self._ids.max()
            if wanted.any():
                self._merge(number, ids[wanted], ordinals[wanted])
        return None

    def _add_in_order(self, number: int, view: PartView, mask: Bits | None) -> None:
        """The same of ids that are strings: a segment has them in order, and is not gone through."""
        assert not isinstance(self._after, np.uint64)
        ordinals, looked_at = view.in_order(mask, self._after, self._wanted)
        self._work.spend(looked_at * COLUMN_ROW)
        self._merge(number, view.ids(ordinals), ordinals)

    def _merge(self, number: int, ids: Ids, ordinals: NDArray[np.uint32]) -> None:
        self._ids = np.concatenate((self._ids, ids))
        self._parts = np.concatenate((self._parts, np.full(len(ids), number, np.uint32)))
        self._ordinals = np.concatenate((self._ordinals, ordinals))
        if len(self._ids) > self._wanted:
            self._keep(np.argpartition(self._ids, self._wanted - 1)[: self._wanted])

    def _keep(self, kept: NDArray[np.intp]) -> None:
        self._ids, self._parts, self._ordinals = self._ids[kept], self._parts[kept], self._ordinals[kept]

    def sorted(self) -> tuple[Ids, Places]:
        """The pool in id order."""
        self._keep(np.argsort(self._ids))
        return self._ids, Places(self._parts, self._ordinals)
