"""Which rows of a batch are written: each item's conditions, in the order of the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asteroid_cloud.indexer.decide.items import FAIL, MATCH_ANY, NO_MATCH, SKIP, ItemConditions, Upserts
from asteroid_cloud.indexer.decide.stored import Stored
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.state.bare_rows import chosen
from asteroid_cloud.wal.errors import AsteroidError, Conflict


@dataclass(frozen=True, slots=True)
class Kept:
    """The items that are written."""

    rows: Upserts
    """Without conditions, for they hold."""
    replaced: int
    """Of these, items whose id exists when it is their turn."""
    skipped: int
    """Items that are left out."""


def kept_of(stored: Stored, upserts: Upserts) -> Kept:
    """What is written of ``upserts``.

    Raises Conflict with the ``index`` of the first item that refuses all: ``id_exists``, or
    ``precondition_failed``, which counts first; what ``Stored.is_unchanged`` raises gets the index too.
    """
    conditions, ids = upserts.conditions, upserts.ids
    there = stored.there(ids).tolist()
    if conditions is None:
        conditions = ItemConditions(np.full(len(ids), NO_MATCH, np.int64), np.zeros(len(ids), np.uint8))
    modes, matches = conditions.on_existing.tolist(), conditions.if_match.tolist()
    kept: list[int] = []
    replaced = 0
    for place, id_ in enumerate(ids.tolist()):
        exists = stored.exists(id_, there[place])
        if matches[place] != NO_MATCH:
            _check_match(stored, place, id_, matches[place], exists)
        if exists:
            if modes[place] == SKIP:
                continue
            if modes[place] == FAIL:
                raise _refused(stored, place, id_, "exists", "id_exists")
            replaced += 1
        stored.wrote(id_)
        kept.append(place)
    return Kept(_rows(upserts, kept), replaced, len(ids) - len(kept))


def _check_match(stored: Stored, place: int, id_: int, match: int, exists: bool) -> None:
    if match == MATCH_ANY:
        if not exists:
            raise _refused(stored, place, id_, "does not exist", "precondition_failed")
        return
    try:
        is_unchanged = stored.is_unchanged(id_, match)
    except AsteroidError as error:
        error.details["index"] = place
        raise
    if not is_unchanged:
        what = f"may have changed since record {match}"
        raise _refused(stored, place, id_, what, "precondition_failed")


def _refused(stored: Stored, place: int, id_: int, what: str, code: str) -> Conflict:
    snapshot = stored.snapshot
    message = f"item {place}: id {snapshot.spec.ids.shown(id_)} {what}"
    return Conflict(message, code=code, index=place, lsn=snapshot.lsn)


def _rows(upserts: Upserts, kept: list[int]) -> Upserts:
    if len(kept) == len(upserts.ids):
        return Upserts(upserts.ids, upserts.vectors, upserts.payloads, bare=upserts.bare)
    places = np.array(kept, np.int64)
    ids: Keys = upserts.ids[places]
    payloads = upserts.payloads
    vectors, bare = chosen(upserts.vectors, upserts.bare, places)
    return Upserts(ids, vectors, None if payloads is None else [payloads[place] for place in kept], bare=bare)
