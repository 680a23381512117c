"""What a person may do about a store that does not open: told with the failure, and logged."""

from __future__ import annotations

from asteroid_cloud.indexer.recovery.data_loss import RecoveryMode
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError

MENDABLE = (
    "start with --recovery tail, which cuts off a torn write, "
    "and makes anew what the log or the payloads still hold"
)
SALVAGEABLE = "restore a backup, or give up what is damaged, and be told what that was: --recovery salvage"
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
BY_MODE = {"strict": MENDABLE, "tail": SALVAGEABLE, "salvage": NOTHING_LEFT}
"""For damage."""


def advised(error: AsteroidError, mode: RecoveryMode) -> dict[str, object]:
    """The details of an error that ended an opening in ``mode``: those it has, the place, and the advice.

    Files are told by their names alone.
    """
    told: dict[str, object] = dict(error.details)
    advice = BY_CODE.get(error.code)
    if isinstance(error, CorruptionError):
        told |= {"file": error.path.rpartition("/")[2], "offset": error.offset, "reason": error.reason}
        advice = BY_MODE[mode]
    if advice is not None:
        told["advice"] = advice
    return told
