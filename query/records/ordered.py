"""The next rows in the order of a field: what a page of an ordered walk has.

The columns of a segment have its values in order, cut to keys. From where the page begins, groups of keys are
taken until no later one can have a row among the first; only rows whose value a key does not tell, and those
that columns do not describe, are read. The rows of a memtable are all looked at for each page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Column, Columns, PartView, Snapshot
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.costs import COLUMN_ROW
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.records.order import OTHERS, OrderBy, Position
from asteroid_cloud.query.records.order_pool import Entry, OrderPool
from asteroid_cloud.query.selection.bitmaps import ROWS_A_STEP, ordinals_in_steps
from asteroid_cloud.query.selection.column_keys import is_whole, key_of
from asteroid_cloud.query.selection.documents import decoded, value_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import MatchingRows, matching_rows
from asteroid_cloud.query.work import Work

FEW_ROWS = 1_024
"""So few matching rows of a part are read without a look at its columns."""
GROUPS_AT_FIRST, GROUPS_MAX = 64, 4_096
"""Groups of a column that are taken at a time; more, where few of their rows match."""
TAGS = {False: core.TAG_FALSE, True: core.TAG_TRUE}
Flags = NDArray[np.bool_]
Ordinals = NDArray[np.uint32]


def rows_in_order(
    snapshot: Snapshot,
    cache: FilterCache,
    filter: Filter,
    order: OrderBy,
    after: Position | None,
    wanted: int,
    work: Work,
) -> OrderPool:
    """The first rows that match and stand after a position: ``wanted``, fewer when their strings are long."""
    pool = OrderPool(order, after, wanted)
    for number, view in enumerate(snapshot.parts):
        matching = matching_rows(view, filter, cache, work)
        if matching.count:
            _PartRows(pool, number, view, matching, work).add()
    return pool


class _PartRows:
    """What one part adds to a pool."""

    def __init__(
        self, pool: OrderPool, number: int, view: PartView, matching: MatchingRows, work: Work
    ) -> None:
        self._pool, self._number, self._view, self._work = pool, number, view, work
        self._matching = matching
        self._order = pool.order

    def add(self) -> None:
        """By its columns where they tell more than a few payloads would."""
        columns = self._view.part.fields
        if columns is None or self._matching.count <= FEW_ROWS or not columns.knows(self._order.path):
            return self._add_all_by_payloads()
        try:
            found = {kind: columns.column(self._order.path, kind) for kind in ("number", "string", "tag")}
        except KeyError:
            return self._add_all_by_payloads()
        return self._add_by_columns(columns, found)

    def _add_all_by_payloads(self) -> None:
        for ordinals in ordinals_in_steps(self._matching.mask, self._view.rows):
            self._add_by_payloads(ordinals)

    def _add_by_columns(self, columns: Columns, found: dict[str, Column | None]) -> None:
        rows, mask = self._view.rows, self._matching.mask
        flags = np.ones(rows, np.bool_)
        if mask is not None:
            flags = np.unpackbits(mask, count=rows, bitorder="little").view(np.bool_)
        if columns.unindexed is not None:
            self._add_by_payloads(np.flatnonzero(flags & columns.unindexed).astype(np.uint32))
            flags = flags & ~columns.unindexed
        for rank, kind in enumerate(self._order.kinds):
            is_passed = self._pool.after is not None and self._pool.after.rank > rank
            column = found["tag" if kind == "boolean" else kind]
            if column is None or is_passed or (self._pool.worst is not None and self._pool.worst[0] < rank):
                continue
            if kind == "boolean":
                self._add_booleans(column, rank, flags)
            else:
                self._add_column(column, rank, flags)
        if self._pool.needs(OTHERS):
            self._add_others(found, flags)

    def _add_column(self, column: Column, rank: int, flags: Flags) -> None:
        """Groups from the position on, until the pool needs no more."""
        after, is_descending = self._pool.after, self._order.is_descending
        group = column.groups - 1 if is_descending else 0
        if after is not None and after.rank == rank and after.value is not None:
            at = column.last_at_most(key_of(after.value, column))
            group = at if is_descending else max(at, 0)
        step = GROUPS_AT_FIRST
        while 0 <= group < column.groups and self._may_have(column, rank, group):
            first = max(0, group - step + 1) if is_descending else group
            last = group + 1 if is_descending else min(column.groups, group + step)
            matched = self._add_groups(column, rank, first, last, flags)
            group = first - 1 if is_descending else last
            if matched < self._pool.wanted // 4:
                step = min(2 * step, GROUPS_MAX)

    def _may_have(self, column: Column, rank: int, group: int) -> bool:
        """Whether a group has a value that the pool may need, as far as keys tell."""
        worst = self._pool.worst
        if worst is None or worst[0] != rank:
            return worst is None or worst[0] > rank
        bound = key_of(worst[1], column)
        if not self._order.is_descending:
            return bool(column.key(group) <= bound)  # type: ignore[operator]  # both are of this column
        if column.is_exact:
            return bool(column.key(group) >= bound)  # type: ignore[operator]
        return group + 1 == column.groups or bool(column.key(group + 1) > bound)  # type: ignore[operator]

    def _add_groups(self, column: Column, rank: int, first: int, last: int, flags: Flags) -> int:
        """Adds what matches in some groups; how many rows that is."""
        values = [_value_of(column, group) for group in range(first, last)]
        is_known = np.array([value is not None for value in values])
        matched = 0
        for ordinals, groups in column.rows(first, last):
            self._work.spend(len(ordinals) * COLUMN_ROW)
            here = flags[ordinals]
            ordinals, groups = ordinals[here], groups[here] - first
            matched += len(ordinals)
            known = is_known[groups]
            self._add_known(rank, ordinals[known], groups[known], values)
            self._add_by_payloads(np.sort(ordinals[~known]))
        return matched

    def _add_booleans(self, column: Column, rank: int, flags: Flags) -> None:
        for value in (True, False) if self._order.is_descending else (False, True):
            group = column.last_at_most(TAGS[value])
            if group < 0 or column.key(group) != TAGS[value]:
                continue
            for ordinals, _ in column.rows(group, group + 1):
                self._work.spend(len(ordinals) * COLUMN_ROW)
                here = ordinals[flags[ordinals]]
                self._add_known(rank, here, np.zeros(len(here), np.int64), [value])

    def _add_others(self, found: dict[str, Column | None], flags: Flags) -> None:
        """Rows without a value that is ordered: all that no column of such values has."""
        left, valued = flags.copy(), np.zeros(len(flags), np.bool_)
        self._work.spend(3 * len(flags) * COLUMN_ROW)
        for kind in ("number", "string"):
            if (column := found[kind]) is not None:
                column.mark(valued, 0, column.groups)
        if (tags := found["tag"]) is not None:
            for tag in TAGS.values():
                group = tags.last_at_most(tag)
                if group >= 0 and tags.key(group) == tag:
                    tags.mark(valued, group, group + 1)
        left &= ~valued
        ordinals = np.flatnonzero(left).astype(np.uint32)
        for start in range(0, len(ordinals), ROWS_A_STEP):
            some = ordinals[start : start + ROWS_A_STEP]
            self._add_known(OTHERS, some, np.zeros(len(some), np.int64), [None])

    def _add_known(self, rank: int, ordinals: Ordinals, groups: NDArray[np.int64], values: list[Any]) -> None:
        """Adds rows whose values the keys tell: ``values`` by group, in ascending order."""
        after, pool = self._pool.after, self._pool
        ids = self._view.ids(ordinals)
        if after is not None and after.rank == rank:
            equal, later = self._compared(values, after)
            keep = later[groups] | (equal[groups] & (ids > after.id))
            ordinals, groups, ids = ordinals[keep], groups[keep], ids[keep]
        if len(ordinals) > pool.wanted:
            by_id = np.argsort(ids, kind="stable")
            turned = -groups[by_id] if self._order.is_descending else groups[by_id]
            first = by_id[np.argsort(turned, kind="stable")][: pool.wanted]
            ordinals, groups, ids = ordinals[first], groups[first], ids[first]
        rows = zip(groups.tolist(), ids.tolist(), ordinals.tolist(), strict=True)
        pool.add(rank, [Entry(values[group], id_, self._number, row) for group, id_, row in rows])

    def _compared(self, values: list[Any], after: Position) -> tuple[Flags, Flags]:
        """Of each value, whether it equals that of the position, and whether it stands after it."""
        is_known = [after.rank == OTHERS or value is not None for value in values]
        equal = [known and value == after.value for known, value in zip(is_known, values, strict=True)]
        later = [
            known and after.rank != OTHERS and self._order.is_after(value, after.value)
            for known, value in zip(is_known, values, strict=True)
        ]
        return np.array(equal, np.bool_), np.array(later, np.bool_)

    def _add_by_payloads(self, ordinals: Ordinals) -> None:
        """Adds rows by what their payloads hold."""
        first = 0
        for documents in decoded(self._view, ordinals, frozenset(self._order.path[:1]), self._work):
            some = ordinals[first : first + len(documents)]
            first += len(documents)
            values = (value_at(document, self._order.path) for document in documents)
            self._add_values(values, self._view.ids(some).tolist(), some.tolist())

    def _add_values(self, values: Iterable[Any], ids: list[Any], ordinals: list[int]) -> None:
        found: list[list[Entry]] = [[] for _ in range(OTHERS + 1)]
        pool = self._pool
        for rank, entry in self._entries(values, ids, ordinals):
            is_later = pool.after is None or pool.after.precedes(rank, entry.value, entry.id, self._order)
            if is_later and pool.needs(rank, entry.value):
                found[rank].append(entry)
        for rank, entries in enumerate(found):
            pool.add(rank, entries)

    def _entries(
        self, values: Iterable[Any], ids: list[Any], ordinals: list[int]
    ) -> Iterator[tuple[int, Entry]]:
        for value, id_, ordinal in zip(values, ids, ordinals, strict=True):
            rank = OTHERS if value is MISSING else self._order.rank_of(value)
            yield rank, Entry(None if rank == OTHERS else value, id_, self._number, ordinal)


def _value_of(column: Column, group: int) -> Any:
    """The one value of a group, if its key tells it; else None."""
    key = column.key(group) if column.is_exact else None
    if key is None or not is_whole(key, column):
        return None
    return key.decode() if isinstance(key, bytes) else key
