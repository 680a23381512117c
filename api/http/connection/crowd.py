"""All connections of a server: how many there may be, and who must go when there are too many."""

from __future__ import annotations

import resource
from typing import Protocol

from asteroid_cloud.api.limits import CONNECTIONS_MAX
from asteroid_cloud.wal.errors import Overloaded


class Member(Protocol):
    """A connection, as the others see it."""

    def evict(self) -> None:
        """Ends it: another one needs the room."""


def connections_max() -> int:
    """How many clients may be connected: few enough that the store can still open its files."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files_max < 0 else min(CONNECTIONS_MAX, files_max // 2)


class Crowd:
    """The connections. Who was not let in yet is a stranger, and strangers may have half of the places.

    A stranger who comes while all these are taken sends away the one who came first; so neither many nor slow
    ones keep a client with a key out. When all places are taken, the one who asked for nothing for the
    longest time goes.
    """

    def __init__(self, size_max: int | None = None) -> None:
        self._size_max = size_max or connections_max()
        self._strangers_max = max(1, self._size_max // 2)
        self._members: set[Member] = set()
        self._strangers: dict[Member, None] = {}
        """In the order in which they came."""
        self._idle: dict[Member, None] = {}
        """Those let in who have no request under way, the longest first."""

    def enter(self, member: Member) -> None:
        """One more connection; raises Overloaded when there is no place."""
        self._members.add(member)
        self._strangers[member] = None
        if len(self._strangers) > self._strangers_max:
            self._evict(next(iter(self._strangers)))
        if len(self._members) > self._size_max:
            if not self._idle:
                self.leave(member)
                raise Overloaded("too many connections", retry_after_s=1.0)
            self._evict(next(iter(self._idle)))

    def welcome(self, member: Member) -> None:
        """It has shown that it may come in."""
        self._strangers.pop(member, None)

    def rests(self, member: Member) -> None:
        """It has no request under way."""
        if member in self._members and member not in self._strangers:
            self._idle[member] = None

    def works(self, member: Member) -> None:
        """It has a request under way."""
        self._idle.pop(member, None)

    def leave(self, member: Member) -> None:
        """It has ended, or is about to."""
        self._members.discard(member)
        self._strangers.pop(member, None)
        self._idle.pop(member, None)

    def _evict(self, member: Member) -> None:
        self.leave(member)
        member.evict()
