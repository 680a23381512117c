"""The bitmap of the rows whose payload matches, for each filter and part, in a bounded cache.

The rows of a part never change, so a bitmap stays valid. Only a memtable grows, and then the bitmap is
extended by the new rows alone. Which rows are alive differs from snapshot to snapshot, so it is applied last
and never cached. Dead rows are evaluated with the others, because an older snapshot may still see them alive.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import numpy as np

from asteroid_cloud.indexer import PartView
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.limits import MASK_CACHE_BYTES
from asteroid_cloud.query.selection.bitmaps import Bits, bytes_for, first_rows
from asteroid_cloud.query.selection.evaluate_filter import evaluate
from asteroid_cloud.query.work import UNBOUNDED, Work

ENTRY_BYTES = 400
"""What an entry takes besides its bits and its key: the objects, and its slot in the dictionary."""
Key = tuple[Hashable, bytes]
Covered = tuple[Bits, int]
"""A bitmap and how many rows it covers."""


class _Evaluation:
    """A bitmap that is being made, and how many threads make it or wait for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads = 0


class FilterCache:
    """Bitmaps by part and filter, the least recently used dropped beyond ``bytes_max``; thread-safe."""

    def __init__(
        self,
        bytes_max: int | Callable[[], int] = MASK_CACHE_BYTES,
        grown: Callable[[], None] = lambda: None,
    ) -> None:
        """``grown`` is called after each new bitmap, by a thread that holds no lock of the cache."""
        self._bytes_max = bytes_max
        self._grown = grown
        self._bytes = 0
        self._entries: OrderedDict[Key, Covered] = OrderedDict()
        self._lock = threading.Lock()
        self._evaluations: dict[Key, _Evaluation] = {}

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

    def matching(self, view: PartView, filter: Filter, work: Work = UNBOUNDED) -> Bits:
        """The rows of the view whose payload matches, dead ones too; not to be written to.

        Raises what ``work`` does, and keeps nothing then.
        """
        key = (view.key, filter.key)
        covered = self._get(key)
        if covered is None or covered[1] < view.rows:
            with self._alone(key, work):
                covered = self._extended(key, view, filter, work)
        return first_rows(covered[0], view.rows)

    def rows_missing(self, view: PartView, filter: Filter) -> int:
        """How many rows of the view ``matching`` would have to evaluate."""
        covered = self._get((view.key, filter.key))
        return view.rows if covered is None else max(0, view.rows - covered[1])

    def shrink(self) -> None:
        """Drops what is beyond ``bytes_max``, which has become less."""
        with self._lock:
            self._drop()

    @contextmanager
    def _alone(self, key: Key, work: Work) -> Iterator[None]:
        """Keeps other threads from evaluating the same filter over the same part within the block."""
        with self._lock:
            evaluation = self._evaluations.setdefault(key, _Evaluation())
            evaluation.threads += 1
        try:
            with work.holding(evaluation.lock):
                yield
        finally:
            with self._lock:
                evaluation.threads -= 1
                if not evaluation.threads:
                    del self._evaluations[key]

    def _extended(self, key: Key, view: PartView, filter: Filter, work: Work) -> Covered:
        """The entry made to cover the view; called by one thread a key at a time."""
        bits, rows = self._get(key) or (np.empty(0, np.uint8), 0)
        if rows >= view.rows:  # another thread was first
            return bits, rows
        whole = rows & ~7  # the last byte may be half full: its rows are evaluated again
        bits = np.concatenate((bits[: whole // 8], evaluate(view, filter, whole, view.rows, work)))
        bits.setflags(write=False)
        assert len(bits) == bytes_for(view.rows)
        self._put(key, (bits, view.rows))
        self._grown()
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
            self._drop()

    def _drop(self) -> None:
        bytes_max = self.bytes_max
        while self._bytes > bytes_max:
            dropped, entry = self._entries.popitem(last=False)
            self._bytes -= _size(dropped, entry)


def _size(key: Key, covered: Covered) -> int:
    return covered[0].nbytes + len(key[1]) + ENTRY_BYTES
