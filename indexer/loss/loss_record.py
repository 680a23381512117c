"""The record of what a store has lost, in ``lost.json``, until its operator has acknowledged it."""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.model.data_loss import DataLoss, LostRecords, LostSegment
from asteroid_cloud.wal.disk import (
    CollectionLayout,
    Files,
    StoreLayout,
    name_of,
    read_small,
    write_atomic,
)
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB
from asteroid_cloud.wal.store import enter, peek

LOST_BYTES_MAX = 64 * MIB


def read_losses(files: Files, store: str) -> DataLoss:
    """What the store in the folder ``store`` is known to have lost; raises as ``peek``, CorruptionError."""
    peek(files, store)
    return read_loss_record(files, StoreLayout(store).collection())


def acknowledge_losses(files: Files, store: str, now_ms: int) -> DataLoss:
    """Marks all that is lost as known to the operator, durably; a second time changes nothing.

    Raises as ``enter``, CorruptionError, NoSpace and StorageError.
    """
    with enter(files, store) as access:
        known = read_loss_record(access.files, access.layout)
        if known.is_open:
            known = msgspec.structs.replace(known, acknowledged_ms=now_ms)
            _write(access.files, access.layout, known)
    return known


def read_loss_record(files: Files, layout: CollectionLayout) -> DataLoss:
    """What is known to be lost; raises CorruptionError when the record does not decode."""
    if not files.exists(layout.lost):
        return DataLoss()
    try:
        return msgspec.json.decode(read_small(files, layout.lost, LOST_BYTES_MAX), type=DataLoss)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(layout.lost, 0, f"the record of lost data does not decode: {error}") from error


def record_loss(files: Files, layout: CollectionLayout, loss: LostSegment | LostRecords) -> None:
    """Adds to what is lost, durably, and as not acknowledged.

    A segment that is in the record already is left as it is; the same range of records replaces its entry.
    Raises CorruptionError when the record does not decode, NoSpace and StorageError.
    """
    known = read_loss_record(files, layout)
    segments, records = known.segments, known.records
    if isinstance(loss, LostRecords):
        same = (loss.first_lsn, loss.last_lsn)
        records = [*(each for each in records if (each.first_lsn, each.last_lsn) != same), loss]
    elif loss.segment in {each.segment for each in segments}:
        return
    else:
        segments = [*segments, loss]
    _write(files, layout, DataLoss(segments, records, None, known.evidence_purged_ms))


def record_purge(files: Files, layout: CollectionLayout, now_ms: int) -> None:
    """Records that the evidence of all that is lost is about to be removed; it is named no more.

    What was acknowledged stays so: the evidence was of just that.
    """
    known = read_loss_record(files, layout)
    if known.kept:
        segments = [msgspec.structs.replace(each, kept=[]) for each in known.segments]
        records = [msgspec.structs.replace(each, kept=[]) for each in known.records]
        _write(files, layout, DataLoss(segments, records, known.acknowledged_ms, now_ms))


def carry_losses(
    files: Files, source: CollectionLayout, into: CollectionLayout, until_lsn: int, *, has_segments: bool
) -> None:
    """Records in a store that is made from another what that one has lost, of records up to ``until_lsn``.

    Not segments, unless it takes over that one's. Raises CorruptionError when the record does not decode.
    """
    known = read_loss_record(files, source)
    records = [each for each in known.records if each.first_lsn <= until_lsn]
    carried = DataLoss(
        known.segments if has_segments else [], records, known.acknowledged_ms, known.evidence_purged_ms
    )
    if carried.segments or carried.records:
        files.make_dirs(into.folder)
        _write(files, into, carried)


def missing_evidence(files: Files, layout: CollectionLayout, losses: DataLoss) -> list[str]:
    """The names of evidence that the record names and that is not there any more."""
    segments = [f"{layout.index}/{name}" for each in losses.segments for name in each.kept]
    records = [f"{layout.log}/{name}" for each in losses.records for name in each.kept]
    return [name_of(path) for path in (*segments, *records) if not files.exists(path)]


def _write(files: Files, layout: CollectionLayout, losses: DataLoss) -> None:
    write_atomic(files, layout.lost, msgspec.json.format(msgspec.json.encode(losses)))
