"""What a write finds stored, item after item: the snapshot, and what the items before have done to it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.errors import Conflict, InvalidRequest

Check = Callable[[Unchanged], None]
"""Raises Conflict when a condition may not hold for what is in the log; for any thread."""


class Stored:
    """The ids of one snapshot; items of one write change them in order."""

    def __init__(self, snapshot: Snapshot, check: Check) -> None:
        self.snapshot = snapshot
        self._check = check
        self._gone: set[int] = set()
        self._written: set[int] = set()

    def there(self, ids: Keys) -> NDArray[np.bool_]:
        """Which of the ids the snapshot holds."""
        found = np.zeros(len(ids), np.bool_)
        for view in self.snapshot.parts:
            found |= view.find(ids) >= 0
        return found

    def exists(self, id_: int, was_there: bool) -> bool:
        """Whether the id exists now, if it was or was not in the snapshot."""
        return id_ in self._written or (was_there and id_ not in self._gone)

    def wrote(self, id_: int) -> None:
        """An item has written the id."""
        self._written.add(id_)

    def deleted(self, ids: Keys) -> None:
        """These ids are deleted."""
        self._gone.update(ids.tolist())

    def is_unchanged(self, id_: int, since: int) -> bool:
        """Whether the id certainly did not change after record ``since``, nor by an item before.

        Raises Conflict ``other_history``, and InvalidRequest ``bad_if_match`` for a record that is to come.
        """
        snapshot = self.snapshot
        snapshot.histories.check(since)
        if since > snapshot.lsn:
            message = f"the newest record is {snapshot.lsn}, not yet {since}"
            raise InvalidRequest(message, code="bad_if_match")
        if id_ in self._written or id_ in self._gone:
            return False
        ids = snapshot.spec.ids.one(id_)
        for view in snapshot.parts:
            newest = view.part.newest_lsn
            if newest is not None and newest <= since and view.find(ids)[0] >= 0:
                return True
        try:
            self._check(Unchanged(snapshot.spec.ids.pack(ids), Lsn(since)))
        except Conflict:
            return False
        return True
