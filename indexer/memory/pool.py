"""One kind of memory, which all open collections share: each may use what the others leave, or an equal part.

What one uses is known from the last time that it asked, and is asked for again when memory is short. So a
question costs little however many are open, as long as half of the pool is free. A small floor is set aside
for each: who uses next to nothing never waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from asteroid_cloud.indexer.memory.fair_level import fair_level, room_beside
from asteroid_cloud.indexer.memory.share import SHARE_BYTES_MIN, PooledShare

FLOORS_PART = 2
"""All floors together take at most one part of so many."""


class Pool:
    """So many bytes for all its shares together. Any thread may ask; waiting is for one event loop."""

    def __init__(self, bytes_max: Callable[[], int]) -> None:
        self._bytes_max = bytes_max
        self._shares: dict[PooledShare, None] = {}
        self._waiting: dict[PooledShare, int] = {}
        """Who waits for room, and how many times over."""
        self._noted = 0
        """Of all shares."""
        self._lock = threading.Lock()

    @property
    def bytes_max(self) -> int:
        """What all shares may use together."""
        return self._bytes_max()

    @property
    def used(self) -> int:
        """What all of them use now."""
        return sum(share.used for share in list(self._shares))

    @property
    def floor(self) -> int:
        """What is set aside for each share, whether it uses it or not."""
        return min(SHARE_BYTES_MIN, self.bytes_max // (FLOORS_PART * max(1, len(self._shares))))

    def join(self, share: PooledShare) -> None:
        """Counts it from now on."""
        with self._lock:
            self._shares[share] = None

    def leave(self, share: PooledShare) -> None:
        """Counts it no longer."""
        with self._lock:
            self._note(share, 0)
            self._shares.pop(share, None)
            self._waiting.pop(share, None)
        self._wake_others(share)

    def room(self, share: PooledShare) -> int:
        """What the share may use beside the others: what they leave, and at least an equal part."""
        with self._lock:
            self._note(share, share.used)
            return self._room(share)

    def room_now(self, share: PooledShare) -> int:
        """The same, or what is free at this moment if that is less; its floor at least."""
        with self._lock:
            self._note(share, share.used)
            room = self._room(share)
            return min(room, max(self.floor, self.bytes_max - self._taken_beside(share, room)))

    def admits(self, share: PooledShare, after: int, *, alone: bool) -> bool:
        """See ``PooledShare.admits``."""
        with self._lock:
            if not self._has_room(share, after, alone=alone):
                return False
            self._note(share, after)
            return True

    def begin_waiting(self, share: PooledShare, size: int) -> None:
        """The share waits for so much more; those beyond their part begin to shrink."""
        with self._lock:
            share.wanted += size
            self._waiting[share] = self._waiting.get(share, 0) + 1
        self.press()

    def end_waiting(self, share: PooledShare, size: int) -> None:
        """It waits no longer."""
        with self._lock:
            share.wanted -= size
            self._waiting[share] = self._waiting.get(share, 1) - 1
            if self._waiting[share] <= 0:
                del self._waiting[share]

    def freed(self, share: PooledShare) -> None:
        """The share uses less; all others that wait look again."""
        with self._lock:
            self._note(share, share.used)
        self._wake_others(share)

    def _wake_others(self, share: PooledShare) -> None:
        if self._waiting:
            for each in [each for each in list(self._waiting) if each is not share]:
                each.wake()

    def press(self) -> None:
        """If more is used and wanted than there is, has as many shrink as needed, the largest first."""
        for share in self._beyond_their_part():
            share.shrink()

    def _beyond_their_part(self) -> list[PooledShare]:
        total = self.bytes_max
        with self._lock:
            wanted = sum(share.wanted for share in self._waiting)
            if self._noted + wanted + len(self._shares) * self.floor <= total or len(self._shares) == 1:
                return []
            self._refresh()
            claims = [self._claim(share) for share in self._shares]
            level, lacking = fair_level(total, claims), sum(claims) - total
            beyond: list[PooledShare] = []
            for share in sorted(self._shares, key=lambda share: -share.noted):
                if lacking <= 0 or share.noted <= level:
                    break
                if share.can_shrink():
                    beyond.append(share)
                    lacking -= share.noted - level
            return beyond

    def _has_room(self, share: PooledShare, after: int, *, alone: bool) -> bool:
        total, others = self.bytes_max, len(self._shares) - 1
        if others <= 0:
            return alone or after <= total
        if after <= self.floor:
            return True
        if not self._waiting and after <= total - (self._noted - share.noted) - others * self.floor:
            return True
        self._refresh()
        room = self._room(share)
        if not alone and after > room:
            return False
        return self._taken_beside(share, room) + min(after, room) <= total

    def _room(self, share: PooledShare) -> int:
        total, others = self.bytes_max, len(self._shares) - 1
        if others <= 0:
            return total
        left = total - (self._noted - share.noted) - others * self.floor
        if not self._waiting and 2 * left >= total:  # then nobody uses more than what is left for this one
            return left
        self._refresh()
        return room_beside(total, [self._claim(each) for each in self._shares if each is not share])

    def _claim(self, share: PooledShare) -> int:
        return max(share.noted + share.wanted, self.floor)

    def _taken_beside(self, share: PooledShare, room: int) -> int:
        """What the others hold; of what one cannot give up, no more than its part keeps others waiting."""
        floor, taken = self.floor, 0
        for each in self._shares:
            if each is not share:
                held = each.noted if each.noted <= room or each.can_shrink() else room
                taken += max(held, floor)
        return taken

    def _refresh(self) -> None:
        for share in self._shares:
            if share.noted:  # who never asked uses nothing that would count
                self._note(share, share.used)

    def _note(self, share: PooledShare, used: int) -> None:
        if share in self._shares:
            self._noted += used - share.noted
            share.noted = used
