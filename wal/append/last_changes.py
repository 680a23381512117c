"""When each id changed last, in a fixed number of bytes. The answer is never too early, sometimes too late.

An id's slot is the LSN of the newest change of any id that shares the slot. So "not changed since" is always
right, and "may have changed" is wrong for about one id in SLOTS / n after n changes of other ids. The slot of
a string follows from its hash, which nothing else depends on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.wal.format.events import (
    ID_BYTES,
    BulkLoaded,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.lsn import Lsn

SLOTS_LOG2 = 18
SLOTS = 1 << SLOTS_LOG2
MULTIPLIER = 0x9E3779B97F4A7C15
"""2^64 / φ: multiplicative hashing (Knuth, TAOCP 3, 6.4); the highest bits are the slot."""
SHIFT = 64 - SLOTS_LOG2
MASK = (1 << 64) - 1


class LastChanges:
    """Covers every event since it was made; for earlier ones it assumes ``lsn``."""

    def __init__(self, lsn: Lsn) -> None:
        self._slots = np.full(SLOTS, lsn, np.uint64)

    def note(self, lsn: Lsn, event: Event) -> None:
        """Record ``lsn``, the newest, holds this event."""
        match event:
            case PayloadReplaced() | PayloadMerged():
                self._slots[_slot(event.id)] = lsn
            case VectorsUpserted() | VectorsDeleted():
                if isinstance(event.ids, list):
                    self._slots[[_slot(id_) for id_ in event.ids]] = lsn
                elif len(event.ids) == ID_BYTES:  # the most frequent kind of record, without numpy's calls
                    self._slots[_slot(int.from_bytes(event.ids, "little"))] = lsn
                else:
                    self._slots[_slots_of(np.frombuffer(event.ids, "<u8"))] = lsn
            case IndexCreated() | IndexDeleted() | BulkLoaded():
                self._slots.fill(lsn)

    def may_have_changed(self, id_: int | str, since: Lsn) -> bool:
        """Whether the id may have changed after record ``since``."""
        return int(self._slots[_slot(id_)]) > since


def touches(event: Event, id_: int | str) -> bool:
    """Whether the event changes this id."""
    match event:
        case PayloadReplaced() | PayloadMerged():
            return event.id == id_
        case VectorsUpserted() | VectorsDeleted():
            if isinstance(id_, str) or isinstance(event.ids, list):
                return isinstance(event.ids, list) and id_ in event.ids
            return bool((np.frombuffer(event.ids, "<u8") == np.uint64(id_)).any())
        case IndexCreated() | IndexDeleted() | BulkLoaded():
            return True
    return False


def _slot(id_: int | str) -> int:
    number = hash(id_) if isinstance(id_, str) else id_
    return ((number * MULTIPLIER) & MASK) >> SHIFT


def _slots_of(ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (ids * np.uint64(MULTIPLIER)) >> np.uint64(SHIFT)
