"""Records by id: where they are in a snapshot, and their payloads and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Id, Ids, PartView, Snapshot, TakeBytes, unbounded
from asteroid_cloud.query.costs import RECORD
from asteroid_cloud.query.records.projection import NO_PAYLOAD, Projection, projected_at
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import NotFound


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where some records are: ``ordinals[i]`` of part ``parts[i]`` of the snapshot."""

    parts: NDArray[np.uint32]
    ordinals: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.parts)

    def slice(self, start: int, stop: int) -> Places:
        """Those from ``start`` on and before ``stop``."""
        return Places(self.parts[start:stop], self.ordinals[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One stored record; a column that was not asked for is None."""

    id: Id
    payload: bytes | None = None
    vector: NDArray[np.float32] | None = None


def locate(snapshot: Snapshot, ids: Ids) -> tuple[NDArray[np.bool_], Places]:
    """Which of the ids exist, and the place of each (row 0 of part 0 for those that do not exist)."""
    found = np.zeros(len(ids), np.bool_)
    parts = np.zeros(len(ids), np.uint32)
    ordinals = np.zeros(len(ids), np.uint32)
    missing = np.arange(len(ids))
    for number, view in enumerate(snapshot.parts):
        rows = view.find(ids[missing])
        here = rows >= 0
        places = missing[here]
        found[places], parts[places], ordinals[places] = True, number, rows[here]
        missing = missing[~here]
        if len(missing) == 0:
            break
    return found, Places(parts, ordinals)


def payloads_at(
    views: Sequence[PartView],
    places: Places,
    fields: Projection | None = None,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> list[bytes]:
    """The payload text of each place, or these fields of it; ``{}`` where there is none."""
    if fields is not None:
        return projected_at(views, places.parts, places.ordinals, fields, take, work)
    take = work.counting(take)
    texts = [NO_PAYLOAD] * len(places)
    for part in np.unique(places.parts):
        where = np.flatnonzero(places.parts == part)
        fetched = views[part].payloads(places.ordinals[where], take)
        for position, text in zip(where.tolist(), fetched, strict=True):
            texts[position] = text or NO_PAYLOAD
    return texts


def vectors_at(
    views: Sequence[PartView], places: Places, dim: int, take: TakeBytes = unbounded
) -> NDArray[np.float32]:
    """The dequantised vector of each place, float32 [n, dim]."""
    take(len(places) * dim * np.dtype(np.float32).itemsize)
    vectors = np.empty((len(places), dim), np.float32)
    for part in np.unique(places.parts):
        where = np.flatnonzero(places.parts == part)
        vectors[where] = views[part].vectors(places.ordinals[where])
    return vectors


def some_vectors_at(
    snapshot: Snapshot, places: Places, take: TakeBytes = unbounded
) -> list[NDArray[np.float32] | None]:
    """The vector of each place, None where there is none."""
    views, found = snapshot.parts, list[NDArray[np.float32] | None]([None] * len(places))
    has = np.ones(len(places), np.bool_)
    for part in np.unique(places.parts):
        where = np.flatnonzero(places.parts == part)
        has[where] = views[part].part.has_vectors(places.ordinals[where])
    having = np.flatnonzero(has)
    some = Places(places.parts[having], places.ordinals[having])
    for place, vector in zip(having.tolist(), vectors_at(views, some, snapshot.spec.dim, take), strict=True):
        found[place] = vector
    return found


def fetch(
    snapshot: Snapshot,
    ids: Ids,
    *,
    payload: bool = False,
    vector: bool = False,
    fields: Projection | None = None,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> list[Record | None]:
    """The record of each id, in the order asked, repeats included; None where there is no such id.

    With ``fields`` only these of each payload.
    """
    work.spend(len(ids) * len(snapshot.parts) * RECORD)
    found, places = locate(snapshot, ids)
    there = np.flatnonzero(found)
    places = Places(places.parts[there], places.ordinals[there])
    records = records_at(
        snapshot, ids[there], places, payload=payload, vector=vector, fields=fields, take=take, work=work
    )
    answer: list[Record | None] = [None] * len(ids)
    for position, record in zip(there.tolist(), records, strict=True):
        answer[position] = record
    return answer


def fetch_one(snapshot: Snapshot, id: Id, *, payload: bool = False, vector: bool = False) -> Record:
    """The record of an id; raises NotFound."""
    kind = snapshot.spec.ids
    (record,) = fetch(snapshot, kind.one(id), payload=payload, vector=vector)
    if record is None:
        raise NotFound(f"there is no vector with id {kind.shown(id)}")
    return record


def records_at(
    snapshot: Snapshot,
    ids: Ids,
    places: Places,
    *,
    payload: bool,
    vector: bool,
    fields: Projection | None = None,
    take: TakeBytes = unbounded,
    work: Work = UNBOUNDED,
) -> list[Record]:
    """The records at some places, whose ids are known already; a vector that a row does not have is None."""
    payloads: list[bytes] | list[None] = [None] * len(ids)
    if payload:
        payloads = payloads_at(snapshot.parts, places, fields, take, work)
    take = work.counting(take)
    vectors = _vectors_if_any(snapshot, places, take) if vector else [None] * len(ids)
    return [Record(*columns) for columns in zip(ids.tolist(), payloads, vectors, strict=True)]


def _vectors_if_any(
    snapshot: Snapshot, places: Places, take: TakeBytes
) -> NDArray[np.float32] | list[NDArray[np.float32] | None]:
    views, dim = snapshot.parts, snapshot.spec.dim
    if not any(view.part.bare_rows for view in views):
        return vectors_at(views, places, dim, take)
    there = np.zeros(len(places), np.bool_)
    for part in np.unique(places.parts):
        where = np.flatnonzero(places.parts == part)
        there[where] = views[part].part.has_vectors(places.ordinals[where])
    found = vectors_at(views, Places(places.parts[there], places.ordinals[there]), dim, take)
    vectors: list[NDArray[np.float32] | None] = [None] * len(places)
    for place, vector in zip(np.flatnonzero(there).tolist(), found, strict=True):
        vectors[place] = vector
    return vectors
