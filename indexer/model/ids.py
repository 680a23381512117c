"""Ids: how they are packed in records, found, put in order and shown.

Whatever an id is to a caller, it is one 64-bit key inside the indexer, and arrays of keys are what parts, the
native core and deletions pass to each other. ``IndexSpec.ids`` gives the kind of ids of an index; today there
are integers only, which are their own keys.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
"""The keys of some ids."""


class IdKind(Protocol):
    """What the indexer needs to know of the ids of an index."""

    def one(self, id_: int) -> Keys:
        """The key of a single id, as an array."""
        ...

    def numbered(self, first: int, count: int) -> Keys:
        """The keys of ids that are row numbers: ``first`` and those that follow."""
        ...

    def pack(self, keys: Keys) -> bytes:
        """The ids as a record holds them."""
        ...

    def unpack(self, packed: bytes) -> Keys:
        """The ids of a record."""
        ...

    def is_single(self, packed: bytes) -> bool:
        """Whether a record holds exactly one id."""
        ...

    def order(self, keys: Keys) -> NDArray[np.uint32]:
        """The places of the ids in ascending order, which is also the order of equal distances."""
        ...

    def is_ascending(self, keys: Keys) -> bool:
        """Whether each id is greater than the one before it."""
        ...

    def distinct(self, keys: Keys) -> Keys:
        """Each id once, ascending."""
        ...

    def places(self, keys: Keys, wanted: Keys) -> NDArray[np.uint32]:
        """Where each of ``wanted`` stands in ``keys``, which holds all of them, each once."""
        ...

    def shown(self, key: int) -> str:
        """The id of a key as messages show it."""
        ...


class IntegerIds:
    """Ids that are unsigned integers of 64 bits; little-endian in records and files."""

    STORED = np.dtype("<u8")

    def one(self, id_: int) -> Keys:
        """The key of a single id, as an array."""
        return np.array([id_], np.uint64)

    def numbered(self, first: int, count: int) -> Keys:
        """The keys of ids that are row numbers: ``first`` and those that follow."""
        return np.arange(first, first + count, dtype=np.uint64)

    def pack(self, keys: Keys) -> bytes:
        """The ids as a record holds them."""
        return np.ascontiguousarray(keys, self.STORED).tobytes()

    def unpack(self, packed: bytes) -> Keys:
        """The ids of a record; the array shares its bytes."""
        return np.frombuffer(packed, self.STORED)

    def is_single(self, packed: bytes) -> bool:
        """Whether a record holds exactly one id."""
        return len(packed) == self.STORED.itemsize

    def order(self, keys: Keys) -> NDArray[np.uint32]:
        """The places of the ids in ascending order."""
        return np.argsort(keys).astype(np.uint32)

    def is_ascending(self, keys: Keys) -> bool:
        """Whether each id is greater than the one before it."""
        return bool(np.all(keys[1:] > keys[:-1]))

    def distinct(self, keys: Keys) -> Keys:
        """Each id once, ascending."""
        return np.unique(keys)

    def places(self, keys: Keys, wanted: Keys) -> NDArray[np.uint32]:
        """Where each of ``wanted`` stands in ``keys``, which holds all of them, each once."""
        order = self.order(keys)
        return order[np.searchsorted(keys, wanted, sorter=order)]

    def shown(self, key: int) -> str:
        """The id of a key as messages show it."""
        return str(key)


INTEGER_IDS = IntegerIds()
"""The ids of every index of today."""
