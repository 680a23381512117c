"""The fold: what the log's records make of an index, one record after the other.

Only the engine's applier thread calls ``apply``, strictly by LSN. The same records always give the
same rows, whatever is sealed or merged meanwhile, so replay rebuilds exactly what was acknowledged.
A record that the state forbids (an index created twice, a vector of another dimension) changes nothing
and says so in its outcome: it was logged before the state was known, and it is void for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.indexer.model.deletions import DELETION_BYTES
from asteroid_cloud.indexer.model.errors import no_such_id, wrong_dim, wrong_payload_count
from asteroid_cloud.indexer.model.merge_patch import merge_payload
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.part import PartView
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.payload_file import Held
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.indexer.state.upsert_batching import runs_of
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest
from asteroid_cloud.wal.format import (
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    Record,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a record did: how many ids it touched, or why it is void."""

    affected: int = 0
    error: AsteroidError | None = None


@dataclass(slots=True)
class Located:
    """Where ids live: a part, the positions of the ids among those asked for, and their rows."""

    part: Memtable | Segment
    positions: NDArray[np.int64]
    ordinals: NDArray[np.uint32]


BulkSource = Callable[[BulkLoaded], list[Segment]]


class State:
    """The writer's side of an index: its segments, its blocks, and who is dead in them."""

    def __init__(self, options: EngineOptions, bulk_source: BulkSource) -> None:
        self.spec: IndexSpec | None = None
        self.created_lsn = Lsn(0)
        """The record that created the index."""
        self.segments: list[Segment] = []
        self.blocks: list[Memtable] = []
        self.applied_lsn = Lsn(0)
        self.generation = 0
        """Goes up whenever everything is thrown away, so that work begun before is not put in."""
        self._options = options
        self._bulk_source = bulk_source
        self._next_block = 0
        self._block_rows_max = 0

    @property
    def parts(self) -> list[Memtable | Segment]:
        """All parts, oldest rows first."""
        return [*self.segments, *self.blocks]

    @property
    def live(self) -> int:
        """Living rows of all parts."""
        return sum(part.rows - part.tombstones.count for part in self.parts)

    @property
    def tail_rows(self) -> int:
        """Rows not in a segment yet."""
        return sum(block.rows for block in self.blocks)

    @property
    def tail_bytes(self) -> int:
        """RAM of those rows and their payloads."""
        return sum(block.ram_bytes for block in self.blocks)

    def kill_bytes_after(self, lsn: Lsn) -> int:
        """RAM of remembering who was killed after record ``lsn``."""
        return DELETION_BYTES * sum(part.tombstones.kills_after(lsn) for part in self.parts)

    def snapshot(self) -> Snapshot | None:
        """The state as readers may keep it; None when there is no index."""
        if self.spec is None:
            return None
        views = [
            PartView(part, part.rows, part.rows - part.tombstones.count, part.tombstones.alive(part.rows))
            for part in self.parts
            if part.rows > part.tombstones.count
        ]
        return Snapshot(self.applied_lsn, self.spec, tuple(views), sum(view.live for view in views))

    def apply(self, record: Record) -> Outcome:
        """Folds one record in; it must be the next one."""
        if record.lsn != self.applied_lsn + 1:
            raise AssertionError(f"record {record.lsn} after {self.applied_lsn}: the log has a gap")
        outcome = self._apply(record.lsn, record.event)
        self.applied_lsn = record.lsn
        return outcome

    def apply_all(self, records: Sequence[Record]) -> list[Outcome]:
        """Folds records in with what ``apply`` makes of each, but runs of single rows at once."""
        outcomes: list[Outcome] = []
        for run, upserts in runs_of(records):
            if self.spec is None or len(upserts) < 2 or len(upserts[0].vectors) != 4 * self.spec.dim:
                outcomes += map(self.apply, run)
            else:
                outcomes += self._apply_run(run, upserts, self.spec)
        return outcomes

    def _apply_run(self, run: list[Record], upserts: list[VectorsUpserted], spec: IndexSpec) -> list[Outcome]:
        if run[0].lsn != self.applied_lsn + 1 or run[-1].lsn != self.applied_lsn + len(run):
            raise AssertionError(f"records {run[0].lsn} … after {self.applied_lsn}: the log has a gap")
        ids = np.frombuffer(b"".join([event.ids for event in upserts]), "<u8")
        vectors = np.frombuffer(b"".join([event.vectors for event in upserts]), "<f4")
        located = list(_locate(self.parts, ids))
        given = [None if event.payloads is None else event.payloads[0] for event in upserts]
        payloads = _resolved(given, located)
        for where in located:
            for position, ordinal in zip(where.positions.tolist(), where.ordinals, strict=True):
                where.part.tombstones.kill(run[position].lsn, ordinal[None])
        self._append(run[0].lsn, ids, spec.encode(vectors.reshape(-1, spec.dim)), payloads, spec, run[-1].lsn)
        self.applied_lsn = run[-1].lsn
        return [Outcome(1)] * len(run)

    def _apply(self, lsn: Lsn, event: Event) -> Outcome:
        match event:
            case IndexCreated():
                return self._create(lsn, event)
            case IndexDeleted():
                return self._delete_index()
            case BulkRows() | BulkPayloads():
                return Outcome()  # staged in the log; BulkLoaded makes them count
        if self.spec is None:
            return Outcome(error=Conflict("there is no index yet", code="index_not_initialized"))
        match event:
            case VectorsUpserted():
                return self._upsert(lsn, event, self.spec)
            case VectorsDeleted():
                return self._delete(lsn, np.frombuffer(event.ids, "<u8"))
            case PayloadReplaced():
                payload = b"" if event.payload == b"{}" else event.payload
                return self._change_payload(lsn, event.id, self.spec, lambda _: payload)
            case PayloadMerged():
                return self._change_payload(
                    lsn, event.id, self.spec, lambda old: merge_payload(old, event.patch)
                )
            case BulkLoaded():
                return self._load_bulk(lsn, event, self.spec)
        raise AssertionError(f"an event of no known kind: {event!r}")

    def _create(self, lsn: Lsn, event: IndexCreated) -> Outcome:
        if self.spec is not None:
            error = Conflict("the index exists already", code="index_already_initialized")
            return Outcome(error=error)
        self.spec, self.created_lsn = IndexSpec(event.dim, event.metric, event.bits), lsn
        return Outcome()

    def _delete_index(self) -> Outcome:
        self.spec = None
        self.segments, self.blocks = [], []
        self.generation += 1
        return Outcome()

    def _load_bulk(self, lsn: Lsn, event: BulkLoaded, spec: IndexSpec) -> Outcome:
        if event.dim != spec.dim:
            return Outcome(error=wrong_dim(event.dim, spec.dim))
        if event.since < self.created_lsn:
            reason = "the index that the bulk load was begun for is gone"
            return Outcome(error=Conflict(reason, code="index_not_initialized"))
        if self.live:
            return Outcome(error=Conflict("the index is not empty", code="index_not_empty"))
        self.segments = self._bulk_source(event)
        for segment in self.segments:
            segment.sealed_lsn = lsn
        self.blocks = []
        self.generation += 1
        return Outcome(event.rows)

    def _upsert(self, lsn: Lsn, event: VectorsUpserted, spec: IndexSpec) -> Outcome:
        ids = np.frombuffer(event.ids, "<u8")
        vectors = np.frombuffer(event.vectors, "<f4")
        if len(vectors) != len(ids) * spec.dim:
            return Outcome(error=wrong_dim(len(vectors) // max(1, len(ids)), spec.dim))
        if event.payloads is not None and len(event.payloads) != len(ids):
            return Outcome(error=wrong_payload_count(len(event.payloads), len(ids)))
        records = spec.encode(vectors.reshape(-1, spec.dim))
        located = list(_locate(self.parts, ids))
        given: list[bytes | None] = [None] * len(ids) if event.payloads is None else event.payloads
        payloads = _resolved(given, located)
        last: dict[int, int] = {}
        for position, id_ in enumerate(ids.tolist()):
            if given[position] is None and id_ in last:
                payloads[position] = payloads[last[id_]]
            last[id_] = position
        if len(last) < len(ids):  # within a batch the last one wins
            kept = np.fromiter(last.values(), np.int64, len(last))
            ids, records = ids[kept], records[kept]
            payloads = [payloads[position] for position in kept.tolist()]
        _kill(lsn, located)
        self._append(lsn, ids, records, payloads, spec)
        return Outcome(len(given))

    def _delete(self, lsn: Lsn, ids: NDArray[np.uint64]) -> Outcome:
        located = list(_locate(self.parts, np.unique(ids)))
        _kill(lsn, located)
        return Outcome(sum(len(where.ordinals) for where in located))

    def _change_payload(
        self, lsn: Lsn, id_: int, spec: IndexSpec, change: Callable[[bytes], bytes]
    ) -> Outcome:
        ids = np.array([id_], np.uint64)
        located = list(_locate(self.parts, ids))
        if not located:
            return Outcome(error=no_such_id(id_))
        where = located[0]
        payload = change(where.part.payloads(where.ordinals)[0])
        if len(payload) > PAYLOAD_BYTES_MAX:
            reason = f"the payload would have {len(payload)} bytes, more than {PAYLOAD_BYTES_MAX}"
            return Outcome(error=InvalidRequest(reason, code="bad_payload"))
        records = where.part.native.encoded(where.ordinals)
        _kill(lsn, located)
        self._append(lsn, ids, records, [payload], spec)
        return Outcome(1)

    def _append(
        self,
        lsn: Lsn,
        ids: NDArray[np.uint64],
        records: NDArray[np.uint8],
        payloads: Sequence[Held],
        spec: IndexSpec,
        last_lsn: Lsn | None = None,
    ) -> None:
        newest = self.blocks[-1] if self.blocks else None
        if newest is None or self.is_full(newest, len(ids)):
            self._open_block(spec, len(ids))
        self.blocks[-1].append(lsn, ids, records, payloads, last_lsn)

    def _open_block(self, spec: IndexSpec, rows: int = 0) -> None:
        capacity = self._options.seal_rows + max(BATCH_ITEMS_MAX, rows)
        self._block_rows_max = self._options.block_rows_max(spec)
        self.blocks.append(Memtable(spec, self._next_block, capacity))
        self._next_block += 1

    def is_full(self, block: Memtable, more: int = 0) -> bool:
        """Whether a block is worth sealing, or would be too large to be sealed with so many rows more."""
        rows, rows_max = block.rows, self._block_rows_max
        if rows >= min(rows_max, self._options.seal_rows) or rows + more > block.native.capacity:
            return True
        return rows > 0 and rows + more > rows_max

    def freeze_oldest(self) -> tuple[Memtable, Lsn] | None:
        """The oldest block, which will not grow again, and the LSN up to which all rows are in it or older.

        None when the tail holds no row.
        """
        # A block that never got a row must not stand before one that did: it would be frozen for ever.
        self.blocks = [block for block in self.blocks[:-1] if block.rows] + self.blocks[-1:]
        if self.spec is None or not self.blocks or self.blocks[0].rows == 0:
            return None
        if len(self.blocks) == 1:
            self._open_block(self.spec)
        following = self.blocks[1].first_lsn
        return self.blocks[0], self.applied_lsn if following is None else Lsn(following - 1)

    def exchange(self, old: Sequence[Memtable | Segment], new: Segment | None, base: Lsn) -> None:
        """Puts ``new``, which holds the rows of ``old`` that were alive as of ``base``, in their place.

        What later records have killed is dead in the new segment too.
        """
        if new is not None:
            kills = [(kill, part) for part in old for kill in part.tombstones.killed_after(base)]
            for (lsn, ordinals), part in sorted(kills, key=lambda kill: kill[0][0]):
                rows = new.find(part.native.ids(ordinals), new.rows)
                new.tombstones.kill(lsn, rows[rows >= 0].astype(np.uint32))
        kept = [segment for segment in self.segments if segment not in old]
        self.segments = [*kept, new] if new is not None else kept
        self.blocks = [block for block in self.blocks if block not in old]

    def abandon_work(self) -> None:
        """Tells builds under way that what they build will not be put in."""
        self.generation += 1

    def drop_empty_tail(self) -> None:
        """Forgets blocks that hold no row."""
        self.blocks = [block for block in self.blocks if block.rows]


def _locate(parts: Sequence[Memtable | Segment], ids: NDArray[np.uint64]) -> Iterator[Located]:
    """Where the living ones of ``ids`` are, a part at a time; an id twice among them is found twice."""
    left = np.arange(len(ids))
    for part in reversed(parts):
        if len(left) == 0:
            return
        rows = part.find(ids[left], part.rows)
        if rows.max() < 0:  # the usual case, for a record of one row in each part
            continue
        there = np.flatnonzero(rows >= 0)
        there = there[~part.tombstones.is_dead(rows[there].astype(np.uint32))]
        if len(there):
            yield Located(part, left[there], rows[there].astype(np.uint32))
            left = np.delete(left, there)


def _resolved(given: Sequence[bytes | None], located: list[Located]) -> list[Held]:
    """The payloads of new rows: those given, and where there is none, those of the rows they replace."""
    payloads: list[Held] = [payload or b"" for payload in given]
    for where in located:
        keeps = np.array([given[position] is None for position in where.positions.tolist()], np.bool_)
        old = where.part.held(where.ordinals[keeps])
        for position, payload in zip(where.positions[keeps].tolist(), old, strict=True):
            payloads[position] = payload
    return payloads


def _kill(lsn: Lsn, located: list[Located]) -> None:
    for where in located:
        where.part.tombstones.kill(lsn, np.unique(where.ordinals))
