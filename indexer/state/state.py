"""The state of an index: its segments, its memtables, and which of their rows are deleted.

Records change it in ``apply_record``, strictly by LSN, and swaps of segments through ``exchange``; both hold
the applier's lock. Readers get snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.build_sizes import BuildSizes
from asteroid_cloud.indexer.model.deletions import DELETION_BYTES
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.part import PartView
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.payload_refs import RowPayload
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.indexer.state.requests import RequestTable
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Branch, Histories, Lsn
from asteroid_cloud.wal.format import BulkLoaded, HistoryBegun

BulkSource = Callable[[BulkLoaded], list[Segment]]
"""Gives the segments of a bulk load whose record is applied."""


class State:
    """The writer's side of an index."""

    def __init__(self, options: EngineOptions, budget: MemoryBudget, bulk_source: BulkSource) -> None:
        self.spec: IndexSpec | None = None
        self.text: TextDefinition | None = None
        """Which fields are indexed as text; None for no such index."""
        self.created_lsn = Lsn(0)
        """The record that created the index."""
        self.segments: list[Segment] = []
        self.memtables: list[Memtable] = []
        """The tail: the rows that are in no segment yet. Only the last memtable grows."""
        self.applied_lsn = Lsn(0)
        self.applied_ms = 0
        """The time of that record; 0 when it is not known."""
        self.histories = Histories()
        """Those that led to it."""
        self.generation = 0
        """Goes up whenever all rows are replaced or dropped, so that work begun before is not put in."""
        self.requests = RequestTable(options.idempotency_keys, options.idempotency_age_ms)
        """Those that had a key, and are remembered."""
        self.bulk_source = bulk_source
        self._options = options
        self._sizes = BuildSizes(budget, options.links_max)
        self._next_memtable = 0
        self._memtable_rows_max = 0
        budget.tail.measure_with(lambda: self.tail_bytes)

    @property
    def parts(self) -> list[Memtable | Segment]:
        """All parts, oldest rows first."""
        return [*self.segments, *self.memtables]

    @property
    def live(self) -> int:
        """Living rows of all parts."""
        return sum(part.rows - part.deletions.count for part in self.parts)

    @property
    def tail_rows(self) -> int:
        """Rows not in a segment yet."""
        return sum(memtable.rows for memtable in self.memtables)

    @property
    def tail_bytes(self) -> int:
        """RAM of those rows and their payloads."""
        return sum(memtable.ram_bytes for memtable in self.memtables)

    def deletion_bytes_after(self, lsn: Lsn) -> int:
        """RAM of remembering which rows were deleted after record ``lsn``."""
        return DELETION_BYTES * sum(part.deletions.count_after(lsn) for part in self.parts)

    def time_ms_of(self, lsn: Lsn) -> int:
        """The time of a record that a checkpoint may be at; 0 when it is not known."""
        if lsn == self.applied_lsn:
            return self.applied_ms
        times = (each.before_ms for each in self.memtables if each.first_lsn == lsn + 1)
        return next(times, 0)

    def moves_on(self, lsn: Lsn, time_ms: int) -> None:
        """Record ``lsn``, of this time, is applied."""
        self.applied_lsn, self.applied_ms = lsn, time_ms

    def begin_history(self, lsn: Lsn, event: HistoryBegun) -> None:
        """Record ``lsn`` begins a history: positions between the record before and this one are abandoned."""
        self.histories = self.histories.followed_by(Branch(Lsn(event.branched_at), lsn, event.store))

    def snapshot(self) -> Snapshot | None:
        """The state as readers may keep it; None when there is no index."""
        if self.spec is None:
            return None
        views = [
            PartView(part, part.rows, part.rows - part.deletions.count, part.deletions.alive(part.rows))
            for part in self.parts
            if part.rows > part.deletions.count
        ]
        live = sum(view.live for view in views)
        return Snapshot(self.applied_lsn, self.spec, tuple(views), live, self.histories, self.text)

    def append_rows(
        self,
        lsn: Lsn,
        ids: Keys,
        encoded: NDArray[np.uint8],
        payloads: Sequence[RowPayload],
        last_lsn: Lsn | None = None,
        bare: NDArray[np.bool_] | None = None,
    ) -> None:
        """Adds the rows of record ``lsn``, or of the records up to ``last_lsn``, to the tail.

        ``bare`` says which of them have no vector; None: all have one. ``encoded`` are those that there are.
        """
        newest = self.memtables[-1] if self.memtables else None
        if newest is None or self.is_full(newest, len(ids)):
            newest = self._open_memtable(len(ids))
        if newest.rows == 0:
            newest.before_ms = self.applied_ms
        newest.append(lsn, ids, encoded, payloads, last_lsn, bare)

    def take_bulk(self, lsn: Lsn, segments: list[Segment]) -> None:
        """Makes the segments of a bulk load, committed by record ``lsn``, all that the index holds."""
        for segment in segments:
            segment.sealed_lsn = lsn
        self.segments, self.memtables = segments, []
        self.generation += 1

    def clear(self) -> None:
        """Drops the index and all its rows."""
        self.spec = self.text = None
        self.segments, self.memtables = [], []
        self.generation += 1

    def _open_memtable(self, rows: int = 0) -> Memtable:
        assert self.spec is not None
        capacity = self._options.seal_rows + max(BATCH_ITEMS_MAX, rows)
        self._memtable_rows_max = self._sizes.memtable_rows_max(self.spec)
        self.memtables.append(Memtable(self.spec, self._next_memtable, capacity))
        self._next_memtable += 1
        return self.memtables[-1]

    def is_full(self, memtable: Memtable, more: int = 0) -> bool:
        """Whether a memtable is worth sealing, or would be too large to be sealed with so many rows more."""
        rows, rows_max = memtable.rows, self._memtable_rows_max
        if rows >= min(rows_max, self._options.seal_rows) or rows + more > memtable.native.capacity:
            return True
        return rows > 0 and rows + more > rows_max

    @property
    def queued(self) -> int:
        """Memtables that wait to be sealed: all but the last, which grows."""
        return max(0, len(self.memtables) - 1)

    def freeze_oldest(self, most: int = 1, rows_max: int = 0) -> tuple[list[Memtable], Lsn] | None:
        """The oldest memtables, which will not grow again, and the LSN up to which they complete the index.

        All rows of records up to that LSN are in them or in segments. More than one are given, ``most`` at
        most, if they wait already and have no more than ``rows_max`` rows together. None when the tail holds
        no row.
        """
        # A memtable that never got a row must not stand before one that did: it would stay frozen for ever.
        self.memtables = [memtable for memtable in self.memtables[:-1] if memtable.rows] + self.memtables[-1:]
        if self.spec is None or not self.memtables or self.memtables[0].rows == 0:
            return None
        if len(self.memtables) == 1:
            self._open_memtable()
        frozen, rows = self.memtables[:1], self.memtables[0].rows
        for memtable in self.memtables[1:-1]:
            rows += memtable.rows
            if len(frozen) == most or rows > rows_max:
                break
            frozen.append(memtable)
        following = self.memtables[len(frozen)].first_lsn
        return frozen, self.applied_lsn if following is None else Lsn(following - 1)

    def exchange(self, old: Sequence[Memtable | Segment], new: Segment | None, base: Lsn) -> None:
        """Puts ``new``, which holds the rows of ``old`` that were alive as of ``base``, in their place.

        Rows that later records have deleted are deleted in the new segment too.
        """
        if new is not None:
            later = [(each, part) for part in old for each in part.deletions.deleted_after(base)]
            for (lsn, ordinals), part in sorted(later, key=lambda each: each[0][0]):
                rows = new.find(part.native.ids(ordinals), new.rows)
                new.deletions.mark_deleted(lsn, rows[rows >= 0].astype(np.uint32))
        others = [segment for segment in self.segments if segment not in old]
        self.segments = [*others, new] if new is not None else others
        self.memtables = [memtable for memtable in self.memtables if memtable not in old]

    def abandon_work(self) -> None:
        """Makes builds under way stop: their segments will not be put in."""
        self.generation += 1

    def drop_empty_tail(self) -> None:
        """Drops memtables that hold no row."""
        self.memtables = [memtable for memtable in self.memtables if memtable.rows]
