"""Ids: how they are packed in records, found, put in order and shown.

An index has integers or strings for ids (``IndexSpec.ids``). Arrays of ids are what parts, the native core
and everybody above pass to each other: of uint64, or of objects that are each a ``str``. Both compare, sort
and index alike; strings compare by code points, which is the order of their UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.format import ID_BYTES, Ids, names_bytes
from asteroid_cloud.wal.limits import ID_BYTES_MAX

Id = int | str
"""One id."""
Keys = NDArray[Any]
"""Some ids: uint64, or objects that are each a str."""


def check_name(id_: object) -> str:
    """An id that is a string; raises InvalidRequest ``bad_id`` for anything else, and names the limit."""
    if not isinstance(id_, str):
        raise bad_name(id_)
    try:
        size = len(id_) if id_.isascii() else len(id_.encode())
    except UnicodeEncodeError:
        raise bad_name(id_) from None
    if not 0 < size <= ID_BYTES_MAX:
        raise bad_name(id_)
    return id_


def bad_name(id_: object) -> InvalidRequest:
    """The error for what is no id where ids are strings."""
    reason = f"an id must be a string of 1 to {ID_BYTES_MAX} bytes of UTF-8, not {id_!r:.80}"
    return InvalidRequest(reason, code="bad_id")


class IdKind(Protocol):
    """What the indexer needs to know of the ids of an index."""

    def of(self, ids: Sequence[Id]) -> Keys:
        """Ids of this kind, as an array."""
        ...

    def one(self, id_: Id) -> Keys:
        """A single id, as an array."""
        ...

    def holds(self, keys: Keys) -> bool:
        """Whether an array is of ids of this kind."""
        ...

    def fits(self, packed: Ids | Id) -> bool:
        """Whether a record holds ids of this kind, or one such id."""
        ...

    def pack(self, keys: Keys) -> Ids:
        """The ids as a record holds them."""
        ...

    def unpack(self, packed: Ids) -> Keys:
        """The ids of a record."""
        ...

    def joined(self, packed: Sequence[Ids]) -> Keys:
        """The ids of several records."""
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

    def bytes_of(self, keys: Keys) -> int:
        """About what the ids take in memory, beyond what each row takes anyway."""
        ...

    def digested(self, id_: Id) -> bytes:
        """What stands for an id in a digest of an index."""
        ...

    def shown(self, id_: Id) -> str:
        """An id as messages show it."""
        ...


class _AnyIds:
    """What arrays of both kinds have in common."""

    def order(self, keys: Keys) -> NDArray[np.uint32]:
        """The places of the ids in ascending order."""
        return np.argsort(keys).astype(np.uint32)

    def is_ascending(self, keys: Keys) -> bool:
        """Whether each id is greater than the one before it."""
        return bool(np.all(keys[1:] > keys[:-1]))

    def distinct(self, keys: Keys) -> Keys:
        """Each id once, ascending."""
        return np.unique(keys)


class IntegerIds(_AnyIds):
    """Ids that are unsigned integers of 64 bits; little-endian in records and files."""

    STORED = np.dtype("<u8")

    def of(self, ids: Sequence[Id]) -> Keys:
        """Ids of this kind, as an array."""
        return np.array(ids, np.uint64)

    def one(self, id_: Id) -> Keys:
        """A single id, as an array."""
        return np.array([id_], np.uint64)

    def fits(self, packed: Ids | Id) -> bool:
        """Whether a record holds ids of this kind, or one such id."""
        return isinstance(packed, bytes | int)

    def holds(self, keys: Keys) -> bool:
        """Whether an array is of ids of this kind."""
        return keys.dtype.kind == "u"

    def pack(self, keys: Keys) -> Ids:
        """The ids as a record holds them."""
        return np.ascontiguousarray(keys, self.STORED).tobytes()

    def unpack(self, packed: Ids) -> Keys:
        """The ids of a record; the array shares its bytes."""
        assert isinstance(packed, bytes)
        return np.frombuffer(packed, self.STORED)

    def joined(self, packed: Sequence[Ids]) -> Keys:
        """The ids of several records."""
        return self.unpack(b"".join([each for each in packed if isinstance(each, bytes)]))

    def bytes_of(self, keys: Keys) -> int:
        """Nothing: the row has a place for them."""
        return 0

    def digested(self, id_: Id) -> bytes:
        """What stands for an id in a digest of an index."""
        assert isinstance(id_, int)
        return id_.to_bytes(ID_BYTES, "little")

    def shown(self, id_: Id) -> str:
        """An id as messages show it."""
        return str(id_)


class StringIds(_AnyIds):
    """Ids that are strings, kept exactly: in records as such, in files as UTF-8."""

    def of(self, ids: Sequence[Id]) -> Keys:
        """Ids of this kind, as an array."""
        keys = np.empty(len(ids), np.object_)
        keys[:] = ids
        return keys

    def one(self, id_: Id) -> Keys:
        """A single id, as an array."""
        return self.of([id_])

    def fits(self, packed: Ids | Id) -> bool:
        """Whether a record holds ids of this kind, or one such id."""
        return isinstance(packed, list | str)

    def holds(self, keys: Keys) -> bool:
        """Whether an array is of ids of this kind."""
        return keys.dtype.kind == "O"

    def pack(self, keys: Keys) -> Ids:
        """The ids as a record holds them."""
        names: list[str] = keys.tolist()
        return names

    def unpack(self, packed: Ids) -> Keys:
        """The ids of a record."""
        assert isinstance(packed, list)
        return self.of(packed)

    def joined(self, packed: Sequence[Ids]) -> Keys:
        """The ids of several records."""
        return self.of([name for names in packed if isinstance(names, list) for name in names])

    def bytes_of(self, keys: Keys) -> int:
        """About what the ids take in memory, beyond what each row takes anyway."""
        return names_bytes(keys.tolist())

    def digested(self, id_: Id) -> bytes:
        """What stands for an id in a digest of an index: the number of its bytes, and these."""
        assert isinstance(id_, str)
        name = id_.encode()
        return len(name).to_bytes(ID_BYTES, "little") + name

    def shown(self, id_: Id) -> str:
        """An id as messages show it."""
        return repr(id_)


INTEGER_IDS = IntegerIds()
STRING_IDS = StringIds()
