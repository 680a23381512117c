"""The tests of a filter on the columns of one path: a verdict on the rows of a segment for each.

A column may leave open what it does not hold: long strings, integers beyond 2^53, values between sparse keys.
"""

from __future__ import annotations

from itertools import chain

import numpy as np

from asteroid_cloud.indexer import Column, Columns
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.costs import COLUMN, COLUMN_ROW, NODE
from asteroid_cloud.query.filters.instants import Instant, day_text
from asteroid_cloud.query.filters.texts import text_test
from asteroid_cloud.query.filters.tree import (
    Among,
    Compare,
    ContainsAll,
    ContainsAny,
    ContainsFolded,
    ContainsWords,
    Equal,
    EqualFolded,
    Exists,
    Literal,
    ObjectLiteral,
    Phrase,
    Prefix,
    Regex,
    Size,
    Test,
    When,
)
from asteroid_cloud.query.filters.value_list import double, utf8
from asteroid_cloud.query.selection.column_keys import is_whole
from asteroid_cloud.query.selection.column_lists import mark_many
from asteroid_cloud.query.selection.column_texts import (
    ABOVE_UTF8,
    folded_ranges,
    mark_between,
    mark_folded,
    texts_passing,
)
from asteroid_cloud.query.selection.column_verdicts import Flags, Verdict, joined
from asteroid_cloud.query.work import Work

TAGS: dict[object, float] = {None: core.TAG_NULL, False: core.TAG_FALSE, True: core.TAG_TRUE}
WHOLE = (0, "")
"""What follows the second of an instant that is neither within it nor in a leap second."""
WITHIN_SECOND = 0.5
"""What a date's key is beyond its second, where something follows that."""
FIRST_DIGIT, ABOVE_DIGITS = b"0", b":"
PARTS_LOOKED_AT = 16
"""Elements of an array, or members of an object, by which columns tell what cannot equal it."""
FEW_VALUES = 16
"""More values of a list than this are looked up together."""


class OpenedColumns:
    """The columns of a segment, each opened once for the whole of a filter."""

    def __init__(self, columns: Columns, work: Work) -> None:
        self.work = work
        """Hears of each test."""
        self.rows = columns.rows
        self.unindexed = columns.unindexed
        self.knows = columns.knows
        self.has_dates = columns.has_dates
        self._columns = columns
        self._opened: dict[tuple[tuple[str, ...], str, bool], Column | None] = {}

    def column(self, path: tuple[str, ...], kind: str, is_element: bool) -> Column | None:
        """As ``Columns.column`` gives it; raises KeyError as that does."""
        key = path, kind, is_element
        if key not in self._opened:
            self.work.spend(COLUMN)
            self._opened[key] = self._columns.column(path, kind, is_element)
        return self._opened[key]


class PathTests:
    """The tests of one path."""

    def __init__(self, columns: OpenedColumns, path: tuple[str, ...], *, is_element: bool = False) -> None:
        self._columns = columns
        self._path = path
        self._is_element = is_element

    def verdict(self, test: Test) -> Verdict:
        """What the columns say of a test; the rows that they do not describe are possible, not certain."""
        self._columns.work.spend(NODE + self._columns.rows * COLUMN_ROW)
        if not self._columns.knows(self._path):
            return Verdict(self._none(), ~self._none())
        try:
            found = self._decide(test)
        except KeyError:
            found = Verdict(self._none(), ~self._none())
        open_rows = self._columns.unindexed
        if open_rows is None:
            return found
        return Verdict(found.certain & ~open_rows, found.possible | open_rows)

    def _decide(self, test: Test) -> Verdict:
        match test:
            case Equal(literal):
                return self._equal(literal)
            case Among():
                return self._among(test)
            case Compare(order, bound):
                return self._ordered(order, bound)
            case Exists():
                kinds = ("tag", "number", "string")
                return self._any([self._certain(self._all_of(kind)) for kind in kinds])
            case ContainsAny():
                return self._elements()._among(test)
            case ContainsAll(literals):
                arrays = self._certain(self._tagged(core.TAG_ARRAY))
                found = (self._elements()._each_equal(literal) for literal in literals)
                return joined(np.logical_and, chain([arrays], found), self._columns.rows, empty=True)
            case Prefix(text):
                return self._prefix(text)
            case Size(order, length):
                if order == "$eq":
                    return self._with_length(length)
                return self._range("length", order, double(length), is_cut=False)
            case EqualFolded(folded):
                return self._folded(folded)
            case ContainsFolded() | Regex() | ContainsWords() | Phrase():
                passes = text_test(test)
                columns = (self._column("string"), self._elements()._column("string"))
                scanned = self._any(
                    [texts_passing(each, passes, self._columns.rows, self._columns.work) for each in columns]
                )
                if not isinstance(test, ContainsWords):
                    return scanned
                # The strings of an array may have the words together.
                return Verdict(scanned.certain, scanned.possible | self._tagged(core.TAG_ARRAY))
            case When(order, bound):
                return self._when(order, bound)

    def _equal(self, literal: Literal) -> Verdict:
        return self._equal_to_some((literal,))

    def _each_equal(self, literal: Literal) -> Verdict:
        self._columns.work.spend(self._columns.rows * COLUMN_ROW)
        return self._equal(literal)

    def _among(self, test: Among | ContainsAny) -> Verdict:
        if len(test.literals) <= FEW_VALUES:
            return self._equal_to_some(test.literals)
        found = self._equal_to_some(test.values.others)
        mark_many(test.values, self._column, self._columns.work, found)
        return Verdict(found.certain, found.possible | found.certain)

    def _equal_to_some(self, literals: tuple[Literal, ...]) -> Verdict:
        certain, possible = self._none(), self._none()
        for literal in literals:
            self._columns.work.spend(NODE)
            if isinstance(literal, tuple):
                possible |= self._equal_array(literal)
            elif isinstance(literal, ObjectLiteral):
                possible |= self._equal_object(literal)
            else:
                self._mark_equal(literal, certain, possible)
        return Verdict(certain, possible | certain)

    def _mark_equal(self, literal: str | int | float | bool | None, certain: Flags, possible: Flags) -> None:
        if literal is None or isinstance(literal, bool):
            self._mark_key("tag", TAGS[literal], certain, possible)
        elif isinstance(literal, str):
            self._mark_key("string", utf8(literal), certain, possible)
        else:
            self._mark_key("number", double(literal), certain, possible)

    def _mark_key(self, kind: str, value: float | bytes, certain: Flags, possible: Flags) -> None:
        """The rows with this value: a double, or a whole string."""
        column = self._column(kind)
        if column is None:
            return
        key = value[: column.key_bytes] if isinstance(value, bytes) else value
        group = column.last_at_most(key)
        if group < 0 or (column.is_exact and column.key(group) != key):
            return
        if column.is_exact and is_whole(key, column):
            column.mark(certain, group, group + 1)
        elif isinstance(value, bytes):
            column.mark_alike(possible, group, value)
        else:
            column.mark(possible, group, group + 1)

    def _with_length(self, length: int) -> Verdict:
        certain, possible = self._none(), self._none()
        self._mark_key("length", double(length), certain, possible)
        return Verdict(certain, possible | certain)

    def _equal_array(self, literal: tuple[Literal, ...]) -> Flags:
        """The rows with an array that may equal this one."""
        if self._is_element:  # columns do not look into the arrays of arrays
            return self._tagged(core.TAG_ARRAY)
        possible = self._with_length(len(literal)).possible
        for each in literal[:PARTS_LOOKED_AT]:
            possible &= self._elements()._each_equal(each).possible
        return possible

    def _equal_object(self, literal: ObjectLiteral) -> Flags:
        """The rows with an object that may equal this one."""
        possible = self._tagged(core.TAG_OBJECT)
        if not self._is_element:  # nor into the objects of arrays
            for name, value in literal.items[:PARTS_LOOKED_AT]:
                possible &= PathTests(self._columns, (*self._path, name)).verdict(Equal(value)).possible
        return possible

    def _ordered(self, order: str, bound: Literal) -> Verdict:
        if isinstance(bound, bool) or not isinstance(bound, int | float | str):
            return self._certain(self._none())
        if not isinstance(bound, str):
            return self._range("number", order, double(bound), is_cut=False)
        return self._range("string", order, utf8(bound), is_cut=False)

    def _range(self, kind: str, order: str, key: float | bytes, *, is_cut: bool) -> Verdict:
        """The rows on one side of a key; those of its own group are open unless it is the whole value."""
        column = self._column(kind)
        if column is None:
            return self._certain(self._none())
        if isinstance(key, bytes):
            is_cut, key = is_cut or len(key) > column.key_bytes, key[: column.key_bytes]
        group, rows = column.last_at_most(key), self._none()
        if order in ("$gt", "$gte"):
            column.mark(rows, group + 1, column.groups)
        elif order != "$eq":
            column.mark(rows, 0, group)
        possible = rows.copy()
        if group < 0:
            return Verdict(rows, possible)
        is_equal = column.key(group) == key
        if column.is_exact and not is_equal:  # the group is below the key
            if order in ("$lt", "$lte"):
                column.mark(rows, group, group + 1)
            return self._certain(rows)
        if column.is_exact and is_whole(key, column) and not is_cut:
            if order in ("$gte", "$lte", "$eq"):
                column.mark(rows, group, group + 1)
            return self._certain(rows)
        column.mark(possible, group, group + 1)
        return Verdict(rows, possible)

    def _when(self, order: str, bound: Instant) -> Verdict:
        """Times with an offset, whose keys are without the fraction, and those without one."""
        second, is_whole = float(bound[0]), bound[1:] == WHOLE
        with_offset = self._range("instant", order, second, is_cut=True)
        if not self._columns.has_dates:
            return Verdict(with_offset.certain, with_offset.possible | self._dated_strings(order, bound))
        key = second if is_whole else second + WITHIN_SECOND
        return self._any([with_offset, self._range("date", order, key, is_cut=not is_whole)])

    def _dated_strings(self, order: str, bound: Instant) -> Flags:
        """The rows with a string that may be a date on this side of a bound: dates order as texts do."""
        column, rows, day = self._column("string"), self._none(), day_text(bound).encode()
        if column is not None:
            begin = FIRST_DIGIT if order in ("$lt", "$lte") else day
            end = ABOVE_DIGITS if order in ("$gt", "$gte") else day + ABOVE_UTF8
            mark_between(column, rows, begin, end)
        return rows

    def _prefix(self, text: str) -> Verdict:
        column, begin = self._column("string"), utf8(text)
        certain, possible = self._none(), self._none()
        if column is None:
            return Verdict(certain, possible)
        key = begin[: column.key_bytes]
        first, last = column.last_at_most(key), column.last_at_most(key + ABOVE_UTF8)
        starts_there = first >= 0 and column.key(first) == key
        column.mark(possible, first, last + 1)
        if len(begin) <= column.key_bytes:
            column.mark(certain, first + (not starts_there), last + column.is_exact)
            if column.is_exact:
                possible = certain
        return Verdict(certain, possible)

    def _folded(self, folded: str) -> Verdict:
        """Which strings may fold to this one: ASCII letters do so in two ways, what is not ASCII in any."""
        column, possible = self._column("string"), self._none()
        if column is None:
            return self._certain(possible)
        if column.is_exact:
            found = Verdict(self._none(), possible)
            mark_folded(column, folded, self._columns.work, found)
            return Verdict(found.certain, possible | found.certain)
        for begin, end in folded_ranges(folded):
            mark_between(column, possible, begin, end)
        return Verdict(self._none(), possible)

    def _elements(self) -> PathTests:
        return PathTests(self._columns, self._path, is_element=True)

    def _tagged(self, tag: float) -> Flags:
        column, rows = self._column("tag"), self._none()
        if column is not None:
            group = column.last_at_most(tag)
            if group >= 0 and column.key(group) == tag:
                column.mark(rows, group, group + 1)
        return rows

    def _all_of(self, kind: str) -> Flags:
        column, rows = self._column(kind), self._none()
        if column is not None:
            column.mark(rows, 0, column.groups)
        return rows

    def _column(self, kind: str) -> Column | None:
        return self._columns.column(self._path, kind, self._is_element)

    def _none(self) -> Flags:
        return np.zeros(self._columns.rows, np.bool_)

    def _certain(self, rows: Flags) -> Verdict:
        return Verdict(rows, rows)

    def _any(self, found: list[Verdict]) -> Verdict:
        return joined(np.logical_or, found, self._columns.rows, empty=False)
