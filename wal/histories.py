"""The histories of a store: where it went back in time, and which positions were abandoned by that.

A store that is restored to an earlier record, or that gives up records at the end of its log, begins a new
history: its first LSN is the next multiple of HISTORY_LSNS above the highest that was ever given out. So an
LSN never comes twice, and a position from the stretch that was left can be told from every other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.lsn import HISTORY_LSNS, LSN_MAX, Lsn


class Jump(msgspec.Struct, frozen=True):
    """Where the LSNs of a log jump: no record between these two exists in it."""

    branched_at: Lsn
    """The last record of the history before."""
    began_at: Lsn
    """The first record of the new one."""


class Branch(Jump, frozen=True):
    """A history that a store began, and the name that the store has had since then."""

    store: bytes
    """Sixteen bytes; another name means that the store was restored into a new folder."""


class _HasJump(Protocol):
    @property
    def branched_at(self) -> Lsn:
        """As of a Jump."""
        ...

    @property
    def began_at(self) -> Lsn:
        """As of a Jump."""
        ...


class Histories(msgspec.Struct, frozen=True):
    """The histories that led to a store's newest record, after its first; ascending."""

    branches: tuple[Branch, ...] = ()

    def check(self, lsn: int) -> None:
        """Raises Conflict ``other_history`` for a position that was abandoned."""
        for branch in self.branches:
            if branch.branched_at < lsn < branch.began_at:
                raise abandoned(lsn, branch.branched_at, branch.began_at)

    def store(self, identity: bytes) -> bytes:
        """The name of the store; that of one which was never restored is its log's identity."""
        return self.branches[-1].store if self.branches else identity

    def followed_by(self, branch: Branch) -> Histories:
        """These, and one more."""
        return Histories((*self.branches, branch))

    def count(self, after: int, until: int) -> int:
        """How many records there are after ``after`` and up to ``until``."""
        return count_between(self.branches, after, until)

    def up_to(self, lsn: int) -> Histories:
        """Those that had begun when record ``lsn`` was the newest."""
        return Histories(tuple(branch for branch in self.branches if branch.began_at <= lsn))

    def holds(self, other: Histories, lsn: int) -> bool:
        """Whether a store with the histories ``other`` and the newest record ``lsn`` is an earlier state."""
        count = len(other.branches)
        if self.branches[:count] != other.branches:
            return False
        return count == len(self.branches) or lsn <= self.branches[count].branched_at


FIRST_HISTORY = Histories()
"""Of a store that never went back in time."""


def abandoned(lsn: int, branched_at: Lsn, began_at: Lsn) -> Conflict:
    """The error for a position of a history that was left."""
    return Conflict(
        f"position {lsn} is of a history that was left: the store went back to record {branched_at}, "
        f"and went on with record {began_at}",
        code="other_history",
        branched_at=branched_at,
        began_at=began_at,
    )


def count_between(jumps: Iterable[_HasJump], after: int, until: int) -> int:
    """How many records there are after ``after`` and up to ``until``."""
    count = max(0, until - after)
    for jump in jumps:
        missing = min(until, jump.began_at - 1) - max(after, jump.branched_at)
        count -= max(0, missing)
    return count


def first_of_next(highest: int) -> Lsn:
    """The first LSN of a history that begins when ``highest`` is the highest LSN ever given out.

    Raises Conflict ``too_many_histories`` when no LSN is left for one.
    """
    first = (highest // HISTORY_LSNS + 1) * HISTORY_LSNS
    if first > LSN_MAX:
        limit = (LSN_MAX + 1) // HISTORY_LSNS
        raise Conflict(f"a store has at most {limit} histories", code="too_many_histories", limit=limit)
    return Lsn(first)
