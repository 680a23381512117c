"""Conditions of a write: that an id is as the writer last saw it, that it exists, that it does not.

They are decided where the order of records is, in the log (``wal/last_changes``). What an index knows here
only moves the question on: a living row of a part that got no row after the LSN has not changed since.
"""

from __future__ import annotations

import msgspec
import numpy as np

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


def as_of(snapshot: Snapshot, id_: int, condition: Condition) -> Unchanged:
    """What the log still has to tell.

    Raises Conflict ``precondition_failed`` when the snapshot tells enough, and InvalidRequest
    ``bad_if_match`` for an LSN that is not reached yet.
    """
    ids = np.array([id_], np.uint64)
    part = next((view.part for view in snapshot.parts if view.find(ids)[0] >= 0), None)
    if condition.exists is not None and condition.exists != (part is not None):
        found = "there is a vector" if part is not None else "there is no vector"
        raise Conflict(f"{found} with id {id_}", code="precondition_failed", lsn=snapshot.lsn)
    if condition.since is None:
        return Unchanged(id_, snapshot.lsn)
    if condition.since > snapshot.lsn:
        raise InvalidRequest(
            f"the newest record is {snapshot.lsn}, not yet {condition.since}", code="bad_if_match"
        )
    newest = None if part is None else part.newest_lsn
    is_proven = newest is not None and newest <= condition.since
    return Unchanged(id_, snapshot.lsn if is_proven else Lsn(condition.since))
