"""What a record of many kinds of changes makes of the rows that it names: worked out whole, then applied.

The one who decides about a write runs through the same changes on a snapshot first, so that what would have
no effect is not logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.errors import no_such_id, no_vector_given, wrong_dim, wrong_payload_count
from asteroid_cloud.indexer.model.ids import Id, Keys
from asteroid_cloud.indexer.model.merge_patch import merge_payload, set_fields
from asteroid_cloud.indexer.model.results import WriteCounts
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.payload_refs import RowPayload
from asteroid_cloud.indexer.state.locate import Located, locate, mark_deleted
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.format import RowsWritten, SetRows, bare_rows

OLD = -1
"""In place of a row's number: the vector that is stored."""
Texts = Callable[[Keys], list[bytes]]
"""Gives the payloads of ids that are stored."""
Change = Callable[[bytes], bytes]


@dataclass(slots=True)
class ChangedRow:
    """A row as it will be."""

    vector: int
    """Which of the record's vectors it has, or OLD."""
    payload: bytes | None
    """None keeps the one that is stored."""


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """All that the record names, each id once."""

    rows: dict[Id, ChangedRow | None]
    """None for those that will be absent."""
    counts: WriteCounts


def changed_rows(spec: IndexSpec, event: RowsWritten, stored: Iterable[Id], texts: Texts) -> ChangedRows:
    """What becomes of the rows, of which those in ``stored`` are there.

    Raises InvalidRequest for rows that do not fit, ``bad_payload`` for a payload that would become too large,
    and NotFound for an id that is to be patched or set and is absent then; these with ``list`` and ``index``.
    """
    deleted, upserted = _listed(spec, event.deleted), _listed(spec, event.upserted)
    _check_rows(spec, event, len(upserted))
    rows: dict[Id, ChangedRow | None] = {id_: ChangedRow(OLD, None) for id_ in stored}
    gone = 0
    for id_ in deleted:
        gone += rows.get(id_) is not None
        rows[id_] = None
    replaced = 0
    for number, id_ in enumerate(upserted):
        given = None if event.payloads is None else event.payloads[number]
        row = rows.get(id_)
        if row is None:
            rows[id_] = ChangedRow(number, given or b"")
            continue
        replaced += 1
        row.vector = number
        if given is not None:
            row.payload = given
    _load_texts(spec, event, rows, texts)
    patched = set_ = 0
    for where, index, id_, change in _changes(spec, event):
        _change(spec, event, rows, where, index, id_, change)
        patched, set_ = patched + (where == "patches"), set_ + (where == "sets")
    return ChangedRows(rows, WriteCounts(gone, len(upserted), replaced, event.skipped, patched, set_))


def apply_rows_written(state: State, spec: IndexSpec, lsn: Lsn, event: RowsWritten) -> WriteCounts:
    """Applies the record whole; raises as ``changed_rows`` with nothing changed."""
    ids = spec.ids.distinct(spec.ids.unpack(event.ids))
    located = list(locate(state.parts, ids))
    places = {id_: (where, n) for where in located for n, id_ in enumerate(ids[where.positions].tolist())}

    def texts(wanted: Keys) -> list[bytes]:
        return _texts_of(wanted, places)

    stored = [id_ for id_ in ids.tolist() if id_ in places]
    changed = changed_rows(spec, event, stored, texts)
    kept = {id_: row for id_, row in changed.rows.items() if row is not None}
    encoded, bare = _encoded(spec, event, kept, places)
    payloads = [_payload(row, id_, places) for id_, row in kept.items()]
    mark_deleted(lsn, located)
    if kept:
        state.append_rows(lsn, spec.ids.of(list(kept)), encoded, payloads, bare=bare if bare.any() else None)
    return changed.counts


def _listed(spec: IndexSpec, packed: bytes | list[str]) -> list[Id]:
    return spec.ids.unpack(packed).tolist() if packed else []


def _check_rows(spec: IndexSpec, event: RowsWritten, rows: int) -> None:
    if event.bare and (spec.needs_vectors or len(event.bare) != (rows + 7) // 8):
        raise no_vector_given()
    given = rows - sum(bare_rows(event)) if event.bare else rows
    if len(event.vectors) != 4 * given * spec.dim:
        raise wrong_dim(len(event.vectors) // (4 * max(1, given)), spec.dim)
    if event.payloads is not None and len(event.payloads) != rows:
        raise wrong_payload_count(len(event.payloads), rows)


def _changes(spec: IndexSpec, event: RowsWritten) -> Iterator[tuple[str, int, Id, Change]]:
    """Each payload that is changed: by which list, its place in that, the id, and how."""
    index = 0
    for patch in event.patched:
        for id_ in _listed(spec, patch.ids):
            yield "patches", index, id_, partial(_merged, patch.patch)
            index += 1
    index = 0
    for each in event.set:
        for id_ in _listed(spec, each.ids):
            yield "sets", index, id_, partial(_set, each)
            index += 1


def _merged(patch: bytes, old: bytes) -> bytes:
    return merge_payload(old, patch)


def _set(by: SetRows, old: bytes) -> bytes:
    return set_fields(old, by.values, by.unset)


def _load_texts(spec: IndexSpec, event: RowsWritten, rows: dict[Id, ChangedRow | None], texts: Texts) -> None:
    """Reads the stored payloads that are changed."""
    wanted = [
        id_
        for id_ in dict.fromkeys(id_ for _, _, id_, _ in _changes(spec, event))
        if (row := rows.get(id_)) is not None and row.payload is None
    ]
    for id_, text in zip(wanted, texts(spec.ids.of(wanted)) if wanted else [], strict=True):
        row = rows[id_]
        assert row is not None
        row.payload = text


def _change(
    spec: IndexSpec,
    event: RowsWritten,
    rows: dict[Id, ChangedRow | None],
    where: str,
    index: int,
    id_: Id,
    change: Change,
) -> None:
    row = rows.get(id_)
    if row is None:
        error = no_such_id(spec.ids.shown(id_))
        error.details.update(list=where, index=index)
        raise error
    assert row.payload is not None
    row.payload = change(row.payload)
    if len(row.payload) > event.bytes_max:
        reason = f"the payload of {spec.ids.shown(id_)} would have {len(row.payload)} bytes, more than "
        raise InvalidRequest(
            f"{reason}{event.bytes_max}", code="bad_payload", list=where, index=index, id=id_
        )


Places = dict[Id, tuple[Located, int]]


def _texts_of(wanted: Keys, places: Places) -> list[bytes]:
    """Payloads by id, one read for each part."""
    by_part: dict[int, tuple[Located, list[int], list[int]]] = {}
    for at, id_ in enumerate(wanted.tolist()):
        where, number = places[id_]
        by_part.setdefault(id(where), (where, [], []))
        by_part[id(where)][1].append(at)
        by_part[id(where)][2].append(number)
    found = [b""] * len(wanted)
    for where, targets, numbers in by_part.values():
        for at, text in zip(targets, where.part.payloads(where.ordinals[numbers]), strict=True):
            found[at] = text
    return found


def _encoded(
    spec: IndexSpec, event: RowsWritten, kept: dict[Id, ChangedRow], places: Places
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The quantised vectors, [n, row_bytes]: those of the record, and those that stay; and who has none."""
    encoded = np.empty((len(kept), spec.row_bytes), np.uint8)
    bare = np.zeros(len(kept), np.bool_)
    numbers = np.array([row.vector for row in kept.values()], np.int64)
    has_none = np.array(bare_rows(event), np.bool_)
    places_in_vectors = np.cumsum(~has_none) - 1
    new = np.flatnonzero(numbers != OLD)
    bare[new] = has_none[numbers[new]]
    new = new[~bare[new]]
    if len(new):
        vectors = np.frombuffer(event.vectors, "<f4").reshape(-1, spec.dim)
        encoded[new] = spec.encode(np.ascontiguousarray(vectors[places_in_vectors[numbers[new]]]))
    by_part: dict[int, tuple[Located, list[int], list[int]]] = {}
    for at, (id_, row) in enumerate(kept.items()):
        if row.vector == OLD:
            where, number = places[id_]
            by_part.setdefault(id(where), (where, [], []))
            by_part[id(where)][1].append(at)
            by_part[id(where)][2].append(number)
    for where, targets, places_ in by_part.values():
        ordinals, here = where.ordinals[places_], np.array(targets)
        if where.part.bare_rows:
            has_vector = where.part.has_vectors(ordinals)
            bare[here] = ~has_vector
            ordinals, here = ordinals[has_vector], here[has_vector]
        if len(here):
            encoded[here] = where.part.native.encoded(ordinals)
    encoded[bare] = 0
    return encoded, bare


def _payload(row: ChangedRow, id_: Id, places: Places) -> RowPayload:
    if row.payload is not None:
        return row.payload
    where, number = places[id_]
    return where.part.payload_refs(where.ordinals[number : number + 1])[0]
