"""When each id changed last, in a fixed number of bytes. The answer is never too early, sometimes too late.

An id's slot is the LSN of the newest change of any id that shares the slot. So "not changed since" is always
right, and "may have changed" is wrong for about one id in SLOTS / n after n changes of other ids. Of the
newest records the ids themselves are kept, so that for what came a moment ago the answer is exact. A string
is known by its hash, which nothing else depends on.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.wal.format.events import (
    ID_BYTES,
    BulkLoaded,
    Event,
    Ids,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.limits import KIB
from asteroid_cloud.wal.lsn import Lsn

SLOTS_LOG2 = 18
SLOTS = 1 << SLOTS_LOG2
MULTIPLIER = 0x9E3779B97F4A7C15
"""2^64 / φ: multiplicative hashing (Knuth, TAOCP 3, 6.4); the highest bits are the slot."""
SHIFT = 64 - SLOTS_LOG2
MASK = (1 << 64) - 1
RECENT_BYTES_MAX = 1024 * KIB
"""The ids of the newest records, which are kept."""
RECENT_RECORD_BYTES = 256
"""What one of these records takes beside its ids, about."""
Numbers = NDArray[np.uint64]
"""Ids that are integers, and what stands for others."""


class LastChanges:
    """Covers every event since it was made; for earlier ones it assumes ``lsn``.

    One thread notes; any thread may ask.
    """

    def __init__(self, lsn: Lsn) -> None:
        self._slots = np.full(SLOTS, lsn, np.uint64)
        self._all_changed = lsn
        """The newest record that may have changed every id."""
        self._recent: deque[tuple[Lsn, Numbers]] = deque()
        """Records and the ids that they changed, the newest last."""
        self._recent_bytes = 0
        self._recent_after = lsn
        """Of all later records the ids are known."""

    def note(self, lsn: Lsn, event: Event) -> None:
        """Record ``lsn``, the newest, holds this event."""
        ids = changed_ids(event)
        if ids is None:
            self._slots.fill(lsn)
            self._all_changed = lsn
        elif ids:
            numbers = _numbers(ids)
            if len(numbers) == 1:  # the most frequent kind of record, without numpy's calls
                self._slots[_slot(int(numbers[0]))] = lsn
            else:
                self._slots[_slots_of(numbers)] = lsn
            self._keep(lsn, numbers)

    def may_have_changed(self, ids: Ids, since: Lsn) -> bool:
        """Whether any of the ids, packed as in a record, may have changed after record ``since``."""
        numbers = _numbers(ids)
        if len(numbers) == 1 and int(self._slots[_slot(int(numbers[0]))]) <= since:
            return False
        suspects = numbers[self._slots[_slots_of(numbers)] > since]
        if len(suspects) == 0:
            return False
        recent = tuple(self._recent)  # at once, for another thread may be adding to it
        if since < self._all_changed or since < self._recent_after:
            return True
        later = [changed for lsn, changed in recent if lsn > since]
        return bool(later) and bool(np.isin(suspects, np.concatenate(later)).any())

    def _keep(self, lsn: Lsn, numbers: Numbers) -> None:
        self._recent.append((lsn, numbers))
        self._recent_bytes += numbers.nbytes + RECENT_RECORD_BYTES
        while self._recent_bytes > RECENT_BYTES_MAX:
            self._recent_after = self._recent[0][0]  # before it goes: who reads meanwhile looks afterwards
            _, dropped = self._recent.popleft()
            self._recent_bytes -= dropped.nbytes + RECENT_RECORD_BYTES


def changed_ids(event: Event) -> Ids | None:
    """The ids that the event changes, packed; None when it may be any."""
    match event:
        case PayloadReplaced() | PayloadMerged():
            return [event.id] if isinstance(event.id, str) else event.id.to_bytes(ID_BYTES, "little")
        case VectorsUpserted() | VectorsDeleted():
            return event.ids
        case IndexCreated() | IndexDeleted() | BulkLoaded():
            return None
    return b""


def touches(event: Event, ids: Ids) -> bool:
    """Whether the event changes any of these ids, packed as in a record; seldom True for other strings."""
    changed = changed_ids(event)
    return changed is None or bool(np.isin(_numbers(ids), _numbers(changed)).any())


def _numbers(ids: Ids) -> Numbers:
    if isinstance(ids, list):
        return np.array([hash(id_) & MASK for id_ in ids], np.uint64)
    return np.frombuffer(ids, "<u8")


def _slot(number: int) -> int:
    return ((number * MULTIPLIER) & MASK) >> SHIFT


def _slots_of(numbers: Numbers) -> Numbers:
    return (numbers * np.uint64(MULTIPLIER)) >> np.uint64(SHIFT)
