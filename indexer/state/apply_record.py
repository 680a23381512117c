"""What each kind of record does to the state.

Records are applied strictly by LSN. The same records always give the same rows, whatever is sealed or merged
meanwhile, so replay rebuilds exactly what was acknowledged. A record that the state forbids (an index created
twice, a vector of another dimension) changes nothing, and its outcome says why: it was logged before the
state was known, and it stays without effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asteroid_cloud.indexer.model.errors import (
    no_index,
    no_such_id,
    other_ids,
    wrong_dim,
    wrong_payload_count,
)
from asteroid_cloud.indexer.model.ids import Id, Keys
from asteroid_cloud.indexer.model.merge_patch import merge_payload
from asteroid_cloud.indexer.model.results import WriteCounts
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.payload_refs import RowPayload
from asteroid_cloud.indexer.state.bare_rows import checked_flags, chosen, with_vectors
from asteroid_cloud.indexer.state.locate import locate, mark_deleted, resolved_payloads
from asteroid_cloud.indexer.state.rows_written import apply_rows_written
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.indexer.state.upsert_batching import batches_of
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, NotFound
from asteroid_cloud.wal.format import (
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
    Record,
    RequestAnswered,
    RowsWritten,
    TextDefined,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a record did: how many ids it touched, or why it has no effect."""

    affected: int = 0
    error: AsteroidError | None = None
    replaced: int = 0
    """Of inserted items: those whose id existed when it was their turn."""
    counts: WriteCounts | None = None
    """Of a record of many kinds of changes."""


INSERTED, REPLACED = Outcome(1), Outcome(1, replaced=1)
"""Of a record of one row."""


def apply_record(state: State, record: Record) -> Outcome:
    """Applies one record; it must be the next one."""
    event = record.event
    is_history = isinstance(event, HistoryBegun) and event.branched_at == state.applied_lsn < record.lsn
    if record.lsn != state.applied_lsn + 1 and not is_history:
        raise AssertionError(f"record {record.lsn} after {state.applied_lsn}: the log has a gap")
    outcome = _apply(state, record.lsn, event)
    if record.request is not None and outcome.error is None:  # what had no effect is answered afterwards
        state.requests.note(record, outcome.affected, outcome.replaced, outcome.counts)
    state.moves_on(record.lsn, record.time_ms)
    return outcome


def apply_all(state: State, records: Sequence[Record]) -> list[Outcome]:
    """Applies records with the outcomes of ``apply_record``; neighbours of one row each go at once."""
    outcomes: list[Outcome] = []
    for batch, upserts in batches_of(records):
        spec = state.spec
        is_batch = spec is not None and len(upserts) > 1 and len(upserts[0].vectors) == 4 * spec.dim
        if spec is None or not is_batch or not all(spec.ids.fits(each.ids) for each in upserts):
            outcomes += [apply_record(state, record) for record in batch]
        else:
            outcomes += _apply_batch(state, spec, batch, upserts)
    return outcomes


def _apply_batch(
    state: State, spec: IndexSpec, batch: list[Record], upserts: list[VectorsUpserted]
) -> list[Outcome]:
    """Applies upserts of one row each, of ids that are all different."""
    if batch[0].lsn != state.applied_lsn + 1 or batch[-1].lsn != state.applied_lsn + len(batch):
        raise AssertionError(f"records {batch[0].lsn} … after {state.applied_lsn}: the log has a gap")
    ids = spec.ids.joined([event.ids for event in upserts])
    vectors = np.frombuffer(b"".join([event.vectors for event in upserts]), "<f4")
    located = list(locate(state.parts, ids))
    given = [None if event.payloads is None else event.payloads[0] for event in upserts]
    payloads = resolved_payloads(given, located)
    outcomes = [INSERTED] * len(batch)
    for where in located:
        for position, ordinal in zip(where.positions.tolist(), where.ordinals, strict=True):
            where.part.deletions.mark_deleted(batch[position].lsn, ordinal[None])
            outcomes[position] = REPLACED
    encoded = spec.encode(vectors.reshape(-1, spec.dim))
    state.append_rows(batch[0].lsn, ids, encoded, payloads, batch[-1].lsn)
    for record, outcome in zip(batch, outcomes, strict=True):
        if record.request is not None:
            state.requests.note(record, 1, outcome.replaced)
    state.moves_on(batch[-1].lsn, batch[-1].time_ms)
    return outcomes


def _apply(state: State, lsn: Lsn, event: Event) -> Outcome:
    match event:
        case IndexCreated():
            return _create(state, lsn, event)
        case IndexDeleted():
            state.clear()
            return Outcome()
        case HistoryBegun():
            state.begin_history(lsn, event)
            return Outcome()
        case BulkRows() | BulkPayloads() | BulkIds():
            return Outcome()  # they wait in the log until a BulkLoaded record makes them count
        case RequestAnswered():
            return Outcome()
    spec = state.spec
    if spec is None:
        return Outcome(error=no_index())
    if not _has_ids_of(spec, event):
        return Outcome(error=other_ids(spec))
    match event:
        case TextDefined():
            state.text = TextDefinition.of(event)
            return Outcome(1)
        case VectorsUpserted():
            return _upsert(state, spec, lsn, event)
        case VectorsDeleted():
            return _delete(state, lsn, spec.ids.distinct(spec.ids.unpack(event.ids)))
        case PayloadReplaced():
            payload = b"" if event.payload == b"{}" else event.payload
            return _change_payload(state, spec, lsn, event.id, lambda _: payload, PAYLOAD_BYTES_MAX)
        case PayloadMerged():
            patch, bytes_max = event.patch, event.bytes_max
            return _change_payload(
                state, spec, lsn, event.id, lambda old: merge_payload(old, patch), bytes_max
            )
        case BulkLoaded():
            return _load_bulk(state, spec, lsn, event)
        case RowsWritten():
            return _write_rows(state, spec, lsn, event)
    raise AssertionError(f"an event of no known kind: {event!r}")


def _has_ids_of(spec: IndexSpec, event: Event) -> bool:
    """Whether the ids of an event, if it has any, are of the kind that the index has."""
    match event:
        case VectorsUpserted() | VectorsDeleted():
            return spec.ids.fits(event.ids)
        case PayloadReplaced() | PayloadMerged():
            return spec.ids.fits(event.id)
        case RowsWritten():
            return not event.ids or spec.ids.fits(event.ids)
    return True


def _create(state: State, lsn: Lsn, event: IndexCreated) -> Outcome:
    if state.spec is not None:
        return Outcome(error=Conflict("the index exists already", code="index_already_initialized"))
    state.spec = IndexSpec.of(event)
    state.created_lsn = lsn
    return Outcome()


def _load_bulk(state: State, spec: IndexSpec, lsn: Lsn, event: BulkLoaded) -> Outcome:
    if event.dim != spec.dim:
        return Outcome(error=wrong_dim(event.dim, spec.dim))
    if event.since < state.created_lsn:
        reason = "the index that the bulk load was begun for is gone"
        return Outcome(error=Conflict(reason, code="index_not_initialized"))
    if state.live:
        return Outcome(error=Conflict("the index is not empty", code="index_not_empty"))
    state.take_bulk(lsn, state.bulk_source(event))
    return Outcome(event.rows)


def _write_rows(state: State, spec: IndexSpec, lsn: Lsn, event: RowsWritten) -> Outcome:
    try:
        counts = apply_rows_written(state, spec, lsn, event)
    except (InvalidRequest, NotFound) as error:
        return Outcome(error=error)
    affected = counts.deleted + counts.inserted + counts.patched + counts.set
    return Outcome(affected, counts=counts)


def _upsert(state: State, spec: IndexSpec, lsn: Lsn, event: VectorsUpserted) -> Outcome:
    ids = spec.ids.unpack(event.ids)
    try:
        bare = checked_flags(spec, event.bare, len(ids))
    except InvalidRequest as error:
        return Outcome(error=error)
    vectors, rows = np.frombuffer(event.vectors, "<f4"), with_vectors(len(ids), bare)
    if len(vectors) != rows * spec.dim:
        return Outcome(error=wrong_dim(len(vectors) // max(1, rows), spec.dim))
    if event.payloads is not None and len(event.payloads) != len(ids):
        return Outcome(error=wrong_payload_count(len(event.payloads), len(ids)))
    records = spec.encode(vectors.reshape(-1, spec.dim))
    located = list(locate(state.parts, ids))
    given: list[bytes | None] = [None] * len(ids) if event.payloads is None else event.payloads
    payloads = resolved_payloads(given, located)
    last = _last_positions(ids, given, payloads)
    if len(last) < len(ids):  # within a batch the last one wins
        winners = np.array(last, np.int64)
        ids, (records, bare) = ids[winners], chosen(records, bare, winners)
        payloads = [payloads[position] for position in last]
    mark_deleted(lsn, located)
    state.append_rows(lsn, ids, records, payloads, bare=bare)
    known = sum(len(np.unique(where.ordinals)) for where in located)
    return Outcome(len(given), replaced=len(given) - len(ids) + known)


def _last_positions(ids: Keys, given: Sequence[bytes | None], payloads: list[RowPayload]) -> list[int]:
    """Where each id of a batch stands last; a later row without a payload gets the earlier one's."""
    last: dict[int, int] = {}
    for position, id_ in enumerate(ids.tolist()):
        if given[position] is None and id_ in last:
            payloads[position] = payloads[last[id_]]
        last[id_] = position
    return list(last.values())


def _delete(state: State, lsn: Lsn, ids: Keys) -> Outcome:
    located = list(locate(state.parts, ids))
    mark_deleted(lsn, located)
    return Outcome(sum(len(where.ordinals) for where in located))


def _change_payload(
    state: State, spec: IndexSpec, lsn: Lsn, id_: Id, change: Callable[[bytes], bytes], bytes_max: int
) -> Outcome:
    ids = spec.ids.one(id_)
    located = list(locate(state.parts, ids))
    if not located:
        return Outcome(error=no_such_id(spec.ids.shown(id_)))
    where = located[0]
    payload = change(where.part.payloads(where.ordinals)[0])
    if len(payload) > bytes_max:
        reason = f"the payload would have {len(payload)} bytes, more than {bytes_max}"
        return Outcome(error=InvalidRequest(reason, code="bad_payload"))
    bare = ~where.part.has_vectors(where.ordinals) if where.part.bare_rows else None
    there = where.ordinals if bare is None else where.ordinals[~bare]
    records = where.part.native.encoded(there)
    mark_deleted(lsn, located)
    state.append_rows(lsn, ids, records, [payload], bare=bare)
    return Outcome(1)
