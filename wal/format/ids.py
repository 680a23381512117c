"""Ids as records hold them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Ids = bytes | list[str]
"""The ids of a record: u64 packed, or strings; an index has one kind."""
ID_BYTES = 8


def ids_in(ids: Ids) -> int:
    """How many that is."""
    return len(ids) // ID_BYTES if isinstance(ids, bytes) else len(ids)


def listed_ids(ids: Ids) -> Sequence[int | str]:
    """Each of them; bytes that are no whole id are passed over."""
    if isinstance(ids, bytes):
        return struct.unpack(f"<{ids_in(ids)}Q", ids[: ids_in(ids) * ID_BYTES])
    return ids
