"""Shares of the memory budget: what one part of one index may use at this moment, and what it does use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asteroid_cloud.wal.limits import KIB

if TYPE_CHECKING:
    from asteroid_cloud.indexer.memory.pool import Pool

SHARE_BYTES_MIN = 64 * KIB


class Share:
    """A bound that may change while the index is open, so it is asked for whenever it is needed."""

    def __init__(self, name: str, bytes_max: Callable[[], int]) -> None:
        self.name = name
        self._bytes_max = bytes_max
        self._meter: Callable[[], int] = lambda: 0

    @property
    def bytes_max(self) -> int:
        """How much may be used now."""
        return self._bytes_max()

    @property
    def used(self) -> int:
        """How much is used now; 0 until somebody uses the share."""
        return self._meter()

    def measure_with(self, meter: Callable[[], int]) -> None:
        """Takes ``meter`` as the source of ``used``, in place of an earlier one; it must take no lock."""
        self._meter = meter


class PooledShare(Share):
    """A share of a ``Pool``: it grows while others leave room, and shrinks to an equal part when not."""

    def __init__(self, name: str, pool: Pool) -> None:
        super().__init__(name, lambda: pool.room(self))
        self.noted = 0
        """What the pool counts as used: the newest figure that it has. The pool's to change."""
        self.wanted = 0
        """What is waited for beyond that. The pool's to change."""
        self.shrink: Callable[[], None] = lambda: None
        """Begins to give up what is beyond ``bytes_max``; called when another one waits for it."""
        self.can_shrink: Callable[[], bool] = lambda: True
        """Whether that would help; not on a full disk, for instance."""
        self.wake: Callable[[], None] = lambda: None
        """Has those who wait for room look again."""
        self._pool = pool
        pool.join(self)

    @property
    def bytes_now(self) -> int:
        """As ``bytes_max``, but no more than is free at this moment; a small floor is always free."""
        return self._pool.room_now(self)

    def admits(self, after: int, *, alone: bool = False) -> bool:
        """Whether so many bytes may be used from now on; if so they count as used.

        ``alone``: nothing is used yet, so that more than ``bytes_max`` may be taken, by one share at a time.
        """
        return self._pool.admits(self, after, alone=alone)

    @contextmanager
    def waiting(self, size: int) -> Iterator[None]:
        """Waits for so much room within the block: others shrink, and ``wake`` is called when they have."""
        self._pool.begin_waiting(self, size)
        try:
            yield
        finally:
            self._pool.end_waiting(self, size)

    def freed(self) -> None:
        """Less is used than before: whoever waits for room may look again."""
        self._pool.freed(self)

    def press(self) -> None:
        """If all together use too much, has those shrink who are beyond their part; call it without locks."""
        self._pool.press()

    def settle(self) -> None:
        """What is used by now counts, though nobody has asked before; if it is too much, others shrink."""
        self._pool.room(self)
        self._pool.press()

    def close(self) -> None:
        """Leaves the pool: from now on the others have all of it."""
        self._pool.leave(self)
