"""When each id changed last, in a bounded number of bytes. The answer is never too early, sometimes too late.

An id's slot is the LSN of the newest change of any id that shares the slot. So "not changed since" is always
right, and "may have changed" is wrong for about one id in SLOTS / n after n changes of other ids. There are
few slots at first, and twice as many whenever the changes become many for them. Of the
newest records the ids themselves are kept, so that for what came a moment ago the answer is exact. A string
is known by its hash, which nothing else depends on.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.format.ids import ID_BYTES, Ids
from asteroid_cloud.wal.format.rows_written import RowsWritten
from asteroid_cloud.wal.limits import KIB
from asteroid_cloud.wal.lsn import Lsn

SLOTS_LOG2_FIRST, SLOTS_LOG2 = 10, 18
SLOTS = 1 << SLOTS_LOG2
SLOTS_A_CHANGE = 64
"""There are so many for each change, until there are SLOTS."""
MULTIPLIER = 0x9E3779B97F4A7C15
"""2^64 / φ: multiplicative hashing (Knuth, TAOCP 3, 6.4); the highest bits are the slot."""
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
        self._slots = np.full(1 << SLOTS_LOG2_FIRST, lsn, np.uint64)
        self._changes = 0
        """Ids noted so far, an id each time that it changed."""
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
            self._grow(len(numbers))
            slots = self._slots
            if len(numbers) == 1:  # the most frequent kind of record, without numpy's calls
                slots[_slot(int(numbers[0]), len(slots))] = lsn
            else:
                slots[_slots_of(numbers, len(slots))] = lsn
            self._keep(lsn, numbers)

    def may_have_changed(self, ids: Ids, since: Lsn) -> bool:
        """Whether any of the ids, packed as in a record, may have changed after record ``since``."""
        numbers, slots = _numbers(ids), self._slots
        if len(numbers) == 1 and int(slots[_slot(int(numbers[0]), len(slots))]) <= since:
            return False
        suspects = numbers[slots[_slots_of(numbers, len(slots))] > since]
        if len(suspects) == 0:
            return False
        recent = tuple(self._recent)  # at once, for another thread may be adding to it
        if since < self._all_changed or since < self._recent_after:
            return True
        later = [changed for lsn, changed in recent if lsn > since]
        return bool(later) and bool(np.isin(suspects, np.concatenate(later)).any())

    def _grow(self, more: int) -> None:
        """Makes room for so many changes; the highest bits of a hash are the slot, each becomes several."""
        self._changes += more
        slots = self._slots
        if len(slots) < SLOTS and self._changes * SLOTS_A_CHANGE > len(slots):
            wanted = max(2 * len(slots), 1 << (self._changes * SLOTS_A_CHANGE - 1).bit_length())
            self._slots = np.repeat(slots, min(wanted, SLOTS) // len(slots))

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
        case VectorsUpserted() | VectorsDeleted() | RowsWritten():
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


def _slot(number: int, slots: int = SLOTS) -> int:
    return ((number * MULTIPLIER) & MASK) >> (65 - slots.bit_length())


def _slots_of(numbers: Numbers, slots: int) -> Numbers:
    return (numbers * np.uint64(MULTIPLIER)) >> np.uint64(65 - slots.bit_length())
