"""Filter × part → bitmap of the rows whose payload matches, kept in a bounded cache.

The rows of a part never change, so a bitmap stays true for ever; only a block grows, and then the bitmap
is extended by the new rows alone. Which rows are alive is another matter, different in every snapshot:
it is joined in last and never cached. Dead rows are evaluated with the rest, since an older snapshot
that shares the cache may still see them alive.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, TypedDict, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.limits import MASK_CACHE_BYTES
from asteroid_cloud.query.selection.bitmaps import Bits, bytes_for, count, every_row, first_rows, pack
from asteroid_cloud.query.selection.column_filter import bounds
from asteroid_cloud.wal.errors import CorruptionError

# Payloads read at once: at the largest payload this is 64 MiB, at a usual one 1 MiB.
ROWS_A_READ = 1_024
# What an entry takes besides its bits and its key: the objects, the dictionary's slot.
ENTRY_BYTES = 400
# Locks that keep two threads from evaluating the same filter over the same part twice.
STRIPES = 16

Key = tuple[Hashable, bytes]
Covered = tuple[Bits, int]
"""A bitmap and how many rows it covers."""


@lru_cache(maxsize=256)
def _decoder(roots: frozenset[str]) -> msgspec.json.Decoder[dict[str, Any]]:
    """Decodes only the fields that a filter looks at; the others are skipped, not built.

    Unless a name is not ASCII: msgspec 0.22 then misses fields of a TypedDict that are there.
    """
    if not all(map(str.isascii, roots)):
        return msgspec.json.Decoder(dict[str, Any])
    shape = TypedDict("Document", dict.fromkeys(roots, Any), total=False)  # type: ignore[misc]
    return cast("msgspec.json.Decoder[dict[str, Any]]", msgspec.json.Decoder(shape))


def evaluate(view: PartView, filter: Filter, start: int, stop: int) -> Bits:
    """The bitmap of rows ``start`` to before ``stop``; row ``start`` is its bit 0.

    The part's fields decide where they can, and payloads are read only of the rows that they leave open.
    """
    fields = view.part.fields
    if fields is None:
        return pack(_matching(view, filter, np.arange(start, stop, dtype=np.uint32)))
    certain, possible = bounds(filter.root, fields)
    flags = certain[start:stop].copy()
    is_open = possible[start:stop] & ~flags
    if is_open.any():
        left = np.flatnonzero(is_open)
        flags[left] = _matching(view, filter, (left + start).astype(np.uint32))
    return pack(flags)


def _matching(view: PartView, filter: Filter, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether each row's payload matches."""
    decode, matches = _decoder(filter.roots).decode, filter.matches
    matches_none = matches({})
    flags = np.zeros(len(ordinals), np.bool_)
    for first in range(0, len(ordinals), ROWS_A_READ):
        some = ordinals[first : first + ROWS_A_READ]
        try:
            flags[first : first + len(some)] = [
                matches(decode(text)) if text else matches_none for text in view.payloads(some)
            ]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            at = int(some[0])
            raise CorruptionError(f"payloads of {view.key}", at, f"not a JSON object: {error}") from error
    return flags


class FilterCache:
    """Bitmaps by part and filter, the least recently used dropped beyond ``bytes_max``; thread-safe."""

    def __init__(self, bytes_max: int | Callable[[], int] = MASK_CACHE_BYTES) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._entries: OrderedDict[Key, Covered] = OrderedDict()
        self._lock = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(STRIPES)]

    @property
    def bytes_max(self) -> int:
        """The bound on ``bytes``, as it is now."""
        return self._bytes_max if isinstance(self._bytes_max, int) else self._bytes_max()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """What the entries take."""
        return self._bytes

    def matching(self, view: PartView, filter: Filter) -> Bits:
        """The rows of the view whose payload matches, dead ones too; not to be written to."""
        key = (view.key, filter.key)
        covered = self._get(key)
        if covered is None or covered[1] < view.rows:
            with self._stripes[hash(key) % STRIPES]:
                covered = self._extended(key, view, filter)
        return first_rows(covered[0], view.rows)

    def rows_missing(self, view: PartView, filter: Filter) -> int:
        """How many rows of the view ``matching`` would have to evaluate."""
        covered = self._get((view.key, filter.key))
        return view.rows if covered is None else max(0, view.rows - covered[1])

    def _extended(self, key: Key, view: PartView, filter: Filter) -> Covered:
        """The entry made to cover the view; called by one thread a key at a time."""
        bits, rows = self._get(key) or (np.empty(0, np.uint8), 0)
        if rows >= view.rows:  # another thread was first
            return bits, rows
        whole = rows & ~7  # the last byte may be half full: its rows are evaluated again
        bits = np.concatenate((bits[: whole // 8], evaluate(view, filter, whole, view.rows)))
        bits.setflags(write=False)
        assert len(bits) == bytes_for(view.rows)
        self._put(key, (bits, view.rows))
        return bits, view.rows

    def _get(self, key: Key) -> Covered | None:
        with self._lock:
            covered = self._entries.get(key)
            if covered is not None:
                self._entries.move_to_end(key)
            return covered

    def _put(self, key: Key, covered: Covered) -> None:
        with self._lock:
            old = self._entries.pop(key, None)
            if old is not None:
                self._bytes -= _size(key, old)
            self._entries[key] = covered
            self._bytes += _size(key, covered)
            bytes_max = self.bytes_max
            while self._bytes > bytes_max:
                dropped, entry = self._entries.popitem(last=False)
                self._bytes -= _size(dropped, entry)


def _size(key: Key, covered: Covered) -> int:
    return covered[0].nbytes + len(key[1]) + ENTRY_BYTES


class Selection(msgspec.Struct, frozen=True):
    """The rows of a part that a query may answer with."""

    mask: Bits | None
    """None for every row of the view."""
    count: int


def select(view: PartView, filter: Filter, masks: FilterCache) -> Selection:
    """The rows of the view that are alive and match."""
    if filter.matches_all:
        return Selection(view.alive, view.live)
    if view.live == 0:
        return Selection(view.alive if view.alive is not None else every_row(view.rows), 0)
    mask = masks.matching(view, filter)
    if view.alive is not None:
        mask = mask & view.alive
    return Selection(mask, count(mask))
