"""Preconditions of a write: that an id is as the writer last saw it, that it exists, that it does not.

The log decides them, because it orders the records (``wal/append/last_changes``). What the index knows here
only narrows the question: a living row of a part that got no row after an LSN has not changed since that LSN.
"""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.model.ids import Id
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.errors import Conflict, InvalidRequest


class Condition(msgspec.Struct, frozen=True):
    """What must hold of an id for a write of it to happen."""

    since: int | None = None
    """It did not change after this LSN; an id without a vector may be meant too."""
    exists: bool | None = None
    """There is, or there is not, a vector of that id."""


def as_of(snapshot: Snapshot, id_: Id, condition: Condition) -> Unchanged:
    """What the log still has to tell.

    Raises Conflict: ``precondition_failed`` when the snapshot tells enough, ``other_history`` for an LSN of a
    history that was left; and InvalidRequest ``bad_if_match`` for one that is not reached yet.
    """
    if condition.since is not None:
        snapshot.histories.check(condition.since)
    kind = snapshot.spec.ids
    ids = kind.one(id_)
    part = next((view.part for view in snapshot.parts if view.find(ids)[0] >= 0), None)
    if condition.exists is not None and condition.exists != (part is not None):
        found = "there is a vector" if part is not None else "there is no vector"
        raise Conflict(f"{found} with id {kind.shown(id_)}", code="precondition_failed", lsn=snapshot.lsn)
    if condition.since is None:
        return Unchanged(kind.pack(ids), snapshot.lsn)
    if condition.since > snapshot.lsn:
        raise InvalidRequest(
            f"the newest record is {snapshot.lsn}, not yet {condition.since}", code="bad_if_match"
        )
    newest = None if part is None else part.newest_lsn
    is_proven = newest is not None and newest <= condition.since
    return Unchanged(kind.pack(ids), snapshot.lsn if is_proven else Lsn(condition.since))
