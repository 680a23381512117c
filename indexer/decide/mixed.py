"""A write of many kinds of changes at once: what of it is logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from asteroid_cloud.indexer.decide.items import Upserts
from asteroid_cloud.indexer.decide.stored import Stored
from asteroid_cloud.indexer.decide.upserts import kept_of
from asteroid_cloud.indexer.limits import CHANGED_PAYLOADS_BYTES_MAX
from asteroid_cloud.indexer.model.deletions import DELETION_BYTES
from asteroid_cloud.indexer.model.ids import Id, Keys
from asteroid_cloud.indexer.model.results import WriteCounts
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.state.bare_rows import bare_bits
from asteroid_cloud.indexer.state.rows_written import BARE, OLD, ChangedRows, changed_rows
from asteroid_cloud.indexer.write_events import Write, mixed_of
from asteroid_cloud.wal.errors import AsteroidError, TooLarge
from asteroid_cloud.wal.format import PatchedRows, RowsWritten, SetRows


class SetFields(msgspec.Struct, frozen=True):
    """Fields that a payload gets as they are, after others were removed from it."""

    values: bytes
    """The text of a JSON object."""
    unset: list[list[str]]
    """Paths, each the keys from the outermost on."""


class Mixed(msgspec.Struct, frozen=True, eq=False):
    """What is to be done, in this order."""

    deletes: Keys
    upserts: Upserts
    patches: Sequence[tuple[Id, bytes]] = ()
    """Ids and merge-patches."""
    sets: Sequence[tuple[Id, SetFields]] = ()


@dataclass(frozen=True, slots=True)
class DecidedMixed:
    """What is logged, all that it rests on, and the answer."""

    write: Write
    ids: Keys
    counts: WriteCounts


def decided_mixed(stored: Stored, mixed: Mixed, bytes_max: int) -> DecidedMixed:
    """Decides about a write whose payloads may have ``bytes_max`` afterwards.

    Raises with ``list`` and ``index`` of the item at fault: what ``kept_of`` raises of the upserts, NotFound
    for an id to be patched or set that is absent then, InvalidRequest ``bad_payload``. Also TooLarge
    ``batch_too_large`` when the payloads that change are too much together.
    """
    snapshot, kind = stored.snapshot, stored.snapshot.spec.ids
    deletes = kind.distinct(mixed.deletes)
    gone = deletes[stored.there(deletes)]
    stored.deleted(gone)
    try:
        kept = kept_of(stored, mixed.upserts)
    except AsteroidError as error:
        if "index" in error.details:
            error.details["list"] = "upserts"
        raise
    rows = kept.rows
    event = RowsWritten(
        kind.pack(gone),
        kind.pack(rows.ids),
        np.ascontiguousarray(rows.vectors, "<f4").tobytes(),
        None if rows.payloads is None else list(rows.payloads),
        [PatchedRows(kind.pack(kind.one(id_)), patch) for id_, patch in mixed.patches],
        [SetRows(kind.pack(kind.one(id_)), each.values, each.unset) for id_, each in mixed.sets],
        kept.skipped,
        bytes_max,
        bare_bits(rows.bare),
    )
    changed_ids = kind.of([id_ for id_, _ in (*mixed.patches, *mixed.sets)])
    rests_on = np.concatenate([deletes, mixed.upserts.ids, changed_ids])
    changed = _tried(snapshot, event, rests_on)
    if not event.ids:
        return DecidedMixed(Write([]), rests_on, WriteCounts(skipped=kept.skipped))
    size = sum(len(row.payload or b"") for row in changed.rows.values() if row is not None)
    vectors = [row.vector for row in changed.rows.values() if row is not None]
    write = mixed_of(
        snapshot.spec,
        event,
        rests_on,
        len(vectors),
        size + DELETION_BYTES * len(gone),
        bare=vectors.count(BARE),
    )
    return DecidedMixed(write, rests_on, changed.counts)


def _tried(snapshot: Snapshot, event: RowsWritten, ids: Keys) -> ChangedRows:
    """What the record would make of the rows; raises when it would have no effect."""
    kind, room = snapshot.spec.ids, CHANGED_PAYLOADS_BYTES_MAX

    def take(size: int) -> None:
        nonlocal room
        room -= size
        if room < 0:
            raise _too_much()

    def texts(wanted: Keys) -> list[bytes]:
        found = [b""] * len(wanted)
        for view in snapshot.parts:
            rows = view.find(wanted)
            places = np.flatnonzero(rows >= 0)
            payloads = view.payloads(rows[places].astype(np.uint32), take)
            for place, text in zip(places.tolist(), payloads, strict=True):
                found[place] = text
        return found

    distinct = kind.distinct(ids)
    there = np.zeros(len(distinct), np.bool_)
    for view in snapshot.parts:
        there |= view.find(distinct) >= 0
    changed = changed_rows(snapshot.spec, event, distinct[there].tolist(), texts)
    after = [row.payload or b"" for row in changed.rows.values() if row is not None and row.vector == OLD]
    if sum(map(len, after)) > CHANGED_PAYLOADS_BYTES_MAX:
        raise _too_much()
    return changed


def _too_much() -> TooLarge:
    reason = f"payloads that one write changes have at most {CHANGED_PAYLOADS_BYTES_MAX} bytes together"
    return TooLarge(reason, code="batch_too_large")
