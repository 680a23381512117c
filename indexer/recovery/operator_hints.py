"""What an operator may do about a store that does not open: part of the failure, and logged."""

from __future__ import annotations

from asteroid_cloud.indexer.model.data_loss import RecoveryMode
from asteroid_cloud.wal.disk import name_of
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError

REPAIRABLE = (
    "start with --recovery tail, which cuts off a torn write, "
    "and rebuilds what the log or the payloads still hold"
)
SALVAGEABLE = "restore a backup, or give up what is damaged, with a report of it: --recovery salvage"
NOTHING_LEFT = "restore a backup: nothing that is whole could be served"
ACKNOWLEDGE = (
    "restore a backup; or serve what is left with --recovery salvage, or after "
    "asteroid recovery --acknowledge in any mode"
)
BY_CODE = {
    "degraded": ACKNOWLEDGE,
    "lock_held": "stop the other process, or give this one another folder",
    "log_pruned": "restore a backup: the log no longer reaches back to the index",
    "no_space": "make room on the disk and start again",
    "poisoned": "look at the disk, then start again",
    "unsupported_version": "start the newer program that wrote this; it was left untouched",
}
"""By an error's code, whatever the mode."""
BY_MODE = {"strict": REPAIRABLE, "tail": SALVAGEABLE, "salvage": NOTHING_LEFT}
"""For damage."""


def with_advice(error: AsteroidError, mode: RecoveryMode) -> dict[str, object]:
    """The details of an error that ended an opening in ``mode``: those it has, the place, and the advice.

    Files appear by their names alone.
    """
    details: dict[str, object] = dict(error.details)
    advice = BY_CODE.get(error.code)
    if isinstance(error, CorruptionError):
        details |= {"file": name_of(error.path), "offset": error.offset, "reason": error.reason}
        advice = BY_MODE[mode]
    if advice is not None:
        details["advice"] = advice
    return details
