"""Which appends of a group are written: those whose conditions are met, in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.wal.append.group_commit import PendingAppend
from asteroid_cloud.wal.append.last_changes import LastChanges, touches
from asteroid_cloud.wal.append.log import Unchanged
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.format.ids import ID_BYTES, Ids
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn


class Acceptance:
    """Decides. ``note`` every record that became durable before the next decision."""

    def __init__(self, durable_lsn: Lsn) -> None:
        self._newest = durable_lsn
        self._changes = LastChanges(durable_lsn)

    def note(self, records: Sequence[Record]) -> None:
        """These are durable now."""
        for record in records:
            self._changes.note(record.lsn, record.event)
            self._newest = record.lsn

    def check(self, unchanged: Unchanged) -> None:
        """Raises Conflict ``precondition_failed`` unless it certainly holds for what is durable."""
        if self._changes.may_have_changed(unchanged.ids, unchanged.since):
            raise _changed(unchanged, self._newest)

    def accepted(self, group: Sequence[PendingAppend]) -> list[PendingAppend]:
        """Those whose conditions hold, given that the ones before them will be written; fails the others."""
        accepted: list[PendingAppend] = []
        newest = self._newest
        for pending in group:
            if pending.expected_lsn is not None and pending.expected_lsn != newest:
                message = f"the newest record is {newest}, not {pending.expected_lsn}"
                pending.fail(Conflict(message, code="lsn_mismatch", lsn=newest))
            elif pending.unchanged is not None and self._may_not_hold(pending.unchanged, accepted):
                pending.fail(_changed(pending.unchanged, newest))
            else:
                accepted.append(pending)
                newest = Lsn(newest + len(pending.events))
        return accepted

    def _may_not_hold(self, unchanged: Unchanged, before: list[PendingAppend]) -> bool:
        """Whether what is durable, or about to be written first, may have changed one of the ids."""
        if self._changes.may_have_changed(unchanged.ids, unchanged.since):
            return True
        return any(touches(event, unchanged.ids) for pending in before for event in pending.events)


def _changed(unchanged: Unchanged, newest: Lsn) -> Conflict:
    message = f"{_shown(unchanged.ids)} may have changed since record {unchanged.since}"
    return Conflict(message, code="precondition_failed", lsn=newest)


def _shown(ids: Ids) -> str:
    if isinstance(ids, bytes) and len(ids) == ID_BYTES:
        return f"id {int.from_bytes(ids, 'little')}"
    if isinstance(ids, list) and len(ids) == 1:
        return f"id {ids[0]!r:.80}"
    return "one of the ids"
