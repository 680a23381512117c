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

from asteroid_cloud.indexer.model.errors import no_such_id, wrong_dim, wrong_payload_count
from asteroid_cloud.indexer.model.ids import Id, Keys
from asteroid_cloud.indexer.model.merge_patch import merge_payload, set_fields
from asteroid_cloud.indexer.model.results import WriteCounts
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.payload_refs import RowPayload
from asteroid_cloud.indexer.state.bare_rows import Bare, checked_flags, places_of, with_vectors
from asteroid_cloud.indexer.state.locate import Located, locate, mark_deleted
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.format import RowsWritten, SetRows

OLD = -1
"""In place of a row's number: the vector that is stored, if there is one."""
BARE = -2
"""In place of it: no vector."""
Texts = Callable[[Keys], list[bytes]]
"""Gives the payloads of ids that are stored."""
Change = Callable[[bytes], bytes]


@dataclass(slots=True)
class ChangedRow:
    """A row as it will be."""

    vector: int
    """Which of the record's vectors it has, OLD, or BARE."""
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
    vectors = _vectors_of_rows(spec, event, len(upserted))
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
            rows[id_] = ChangedRow(vectors[number], given or b"")
            continue
        replaced += 1
        row.vector = vectors[number]
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
        state.append_rows(lsn, spec.ids.of(list(kept)), encoded, payloads, bare=bare)
    return changed.counts


def _listed(spec: IndexSpec, packed: bytes | list[str]) -> list[Id]:
    return spec.ids.unpack(packed).tolist() if packed else []


def _vectors_of_rows(spec: IndexSpec, event: RowsWritten, rows: int) -> list[int]:
    """Which vector each upserted row has, or BARE."""
    bare = checked_flags(spec, event.bare, rows)
    there = with_vectors(rows, bare)
    if len(event.vectors) != 4 * there * spec.dim:
        raise wrong_dim(len(event.vectors) // (4 * max(1, there)), spec.dim)
    if event.payloads is not None and len(event.payloads) != rows:
        raise wrong_payload_count(len(event.payloads), rows)
    places = places_of(rows, bare)
    numbers: list[int] = (places if bare is None else np.where(bare, BARE, places)).tolist()
    return numbers


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
) -> tuple[NDArray[np.uint8], Bare]:
    """The quantised vectors of those that have one: the record's, and those that stay; and who has none."""
    numbers = np.array([row.vector for row in kept.values()], np.int64)
    bare = numbers == BARE
    stored = _stored(kept, places)
    for where, targets, ordinals in stored:
        if where.part.bare_rows:
            bare[targets] = ~where.part.has_vectors(ordinals)
    at = places_of(len(kept), bare)
    encoded = np.empty((with_vectors(len(kept), bare), spec.row_bytes), np.uint8)
    new = np.flatnonzero(numbers >= 0)
    if len(new):
        vectors = np.frombuffer(event.vectors, "<f4").reshape(-1, spec.dim)
        encoded[at[new]] = spec.encode(np.ascontiguousarray(vectors[numbers[new]]))
    for where, targets, ordinals in stored:
        there = ~bare[targets]
        encoded[at[targets[there]]] = where.part.native.encoded(ordinals[there])
    return encoded, bare if bare.any() else None


def _stored(
    kept: dict[Id, ChangedRow], places: Places
) -> list[tuple[Located, NDArray[np.int64], NDArray[np.uint32]]]:
    """The rows whose vectors stay as they are, by part: their numbers in ``kept``, and their ordinals."""
    by_part: dict[int, tuple[Located, list[int], list[int]]] = {}
    for at, (id_, row) in enumerate(kept.items()):
        if row.vector == OLD:
            where, number = places[id_]
            by_part.setdefault(id(where), (where, [], []))
            by_part[id(where)][1].append(at)
            by_part[id(where)][2].append(number)
    return [
        (where, np.array(targets, np.int64), where.ordinals[numbers])
        for where, targets, numbers in by_part.values()
    ]


def _payload(row: ChangedRow, id_: Id, places: Places) -> RowPayload:
    if row.payload is not None:
        return row.payload
    where, number = places[id_]
    return where.part.payload_refs(where.ordinals[number : number + 1])[0]
