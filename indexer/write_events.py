"""What a write is to the log: its events, and how many rows and bytes they add to the memtable at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.deletions import DELETION_BYTES
from asteroid_cloud.indexer.model.errors import (
    no_such_id,
    no_vector_given,
    other_ids,
    wrong_dim,
    wrong_payload_count,
)
from asteroid_cloud.indexer.model.ids import Id, Keys
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.payload_refs import PAYLOAD_REF_BYTES
from asteroid_cloud.indexer.state.bare_rows import bare_bits, with_vectors
from asteroid_cloud.indexer.state.memtable import TAIL_ROW_BYTES, bare_row_bytes
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge
from asteroid_cloud.wal.format import (
    Event,
    PayloadMerged,
    PayloadReplaced,
    RowsWritten,
    VectorsDeleted,
    VectorsUpserted,
    event_bytes,
)
from asteroid_cloud.wal.limits import FRAME_BODY_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Write:
    """Events that are logged together, and what they add to the memtable at most."""

    events: Sequence[Event]
    rows: int = 0
    bytes: int = 0
    skipped: int = 0
    """Items that are not in the events because their ids exist."""


def upsert_of(
    spec: IndexSpec,
    ids: Keys,
    vectors: NDArray[np.float32],
    payloads: Sequence[bytes | None] | None,
    skipped: int = 0,
    bare: NDArray[np.bool_] | None = None,
) -> Write:
    """Inserts or replaces rows, where ``skipped`` others are left out.

    ``bare`` says which rows have no vector, and ``vectors`` are those of the others; None: all have one.
    Raises InvalidRequest or TooLarge for rows that do not fit.
    """
    if not spec.ids.holds(ids):  # the index was made anew since the ids were read
        raise other_ids(spec)
    if vectors.shape[1:] != (spec.dim,):
        raise wrong_dim(vectors.shape[-1], spec.dim)
    bits = bare_bits(bare)
    if bits and spec.needs_vectors:
        raise no_vector_given()
    if len(vectors) != (there := with_vectors(len(ids), bare)):
        raise InvalidRequest(f"{len(vectors)} vectors for {there} rows", code="bad_vector")
    if payloads is not None and len(payloads) != len(ids):
        raise wrong_payload_count(len(payloads), len(ids))
    payload_bytes = sum(len(payload) for payload in payloads if payload) if payloads else 0
    id_bytes = spec.ids.bytes_of(ids)
    if vectors.nbytes + payload_bytes + id_bytes > FRAME_BODY_BYTES_MAX - 32 * len(ids) - 1024:
        raise TooLarge(f"a batch may take {FRAME_BODY_BYTES_MAX} bytes in the log", code="batch_too_large")
    event = VectorsUpserted(
        spec.ids.pack(ids),
        np.ascontiguousarray(vectors, "<f4").tobytes(),
        None if payloads is None else list(payloads),
        bits,
    )
    refs = len(ids) if payloads is None else payloads.count(None)
    size = refs * PAYLOAD_REF_BYTES + payload_bytes + id_bytes
    size += there * _row_bytes(spec) + (len(ids) - there) * _bare_row_bytes(spec)
    return Write([event], len(ids), size, skipped)


def delete_of(snapshot: Snapshot, ids: Keys) -> Write:
    """Deletes those of the ids that exist; has no events when none does."""
    if not snapshot.spec.ids.holds(ids):
        raise other_ids(snapshot.spec)
    alive = [view.find(ids) >= 0 for view in snapshot.parts]
    found = snapshot.spec.ids.distinct(ids[np.logical_or.reduce(alive)]) if alive else ids[:0]
    if len(found) == 0:
        return Write([])
    return Write([VectorsDeleted(snapshot.spec.ids.pack(found))], 0, DELETION_BYTES * len(found))


def replacement_of(snapshot: Snapshot, id_: Id, payload: bytes) -> Write:
    """Replaces the payload of an id; raises NotFound when the id is absent."""
    _check_exists(snapshot, id_)
    return Write([PayloadReplaced(id_, payload)], 1, _one_row_bytes(snapshot.spec, id_) + len(payload))


def merge_of(snapshot: Snapshot, id_: Id, patch: bytes, bytes_max: int) -> Write:
    """Merges a patch into the payload of an id, which may have ``bytes_max`` then; raises NotFound."""
    _check_exists(snapshot, id_)
    return Write([PayloadMerged(id_, patch, bytes_max)], 1, _one_row_bytes(snapshot.spec, id_) + bytes_max)


def merges_of(spec: IndexSpec, ids: Keys, patch: bytes, payload_bytes: int, bytes_max: int) -> Write:
    """Merges one patch into the payloads of some ids, which together take ``payload_bytes`` afterwards."""
    events = [PayloadMerged(id_, patch, bytes_max) for id_ in ids.tolist()]
    size = len(ids) * _row_bytes(spec) + payload_bytes + spec.ids.bytes_of(ids)
    return Write(events, len(ids), size)


def mixed_of(spec: IndexSpec, event: RowsWritten, ids: Keys, rows: int, size: int, bare: int = 0) -> Write:
    """Deletes, inserts and changes rows at once; ``rows`` are added, with ``size`` bytes of payloads.

    ``bare`` of them get no vector.

    Raises TooLarge for what does not fit one record.
    """
    held = event_bytes(event)
    if held > FRAME_BODY_BYTES_MAX - 64 * len(ids) - 1024:
        raise TooLarge(f"a write may take {FRAME_BODY_BYTES_MAX} bytes in the log", code="batch_too_large")
    taken = rows * PAYLOAD_REF_BYTES + size + spec.ids.bytes_of(ids)
    taken += (rows - bare) * _row_bytes(spec) + bare * _bare_row_bytes(spec)
    return Write([event], rows, taken)


def _row_bytes(spec: IndexSpec) -> int:
    """What a row adds to the memtable beside its payload, with the deletion of the row that it replaces."""
    return spec.row_bytes + TAIL_ROW_BYTES + DELETION_BYTES


def _bare_row_bytes(spec: IndexSpec) -> int:
    """The same of a row without a vector."""
    return bare_row_bytes(spec) + TAIL_ROW_BYTES + DELETION_BYTES


def _one_row_bytes(spec: IndexSpec, id_: Id) -> int:
    return _row_bytes(spec) + spec.ids.bytes_of(spec.ids.one(id_))


def _check_exists(snapshot: Snapshot, id_: Id) -> None:
    if not snapshot.spec.ids.fits(id_):
        raise other_ids(snapshot.spec)
    ids = snapshot.spec.ids.one(id_)
    if not any(view.find(ids)[0] >= 0 for view in snapshot.parts):
        raise no_such_id(snapshot.spec.ids.shown(id_))
