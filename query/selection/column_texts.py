"""Strings that tests of a filter do not name in full: where in a column they lie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from asteroid_cloud.indexer import Column
from asteroid_cloud.query.costs import NODE, SCANNED_BYTE
from asteroid_cloud.query.selection.column_keys import is_whole
from asteroid_cloud.query.selection.column_verdicts import Flags, Verdict
from asteroid_cloud.query.work import Work

NOT_ASCII, ABOVE_UTF8 = b"\x80", b"\xff"
"""From the first byte of what is not ASCII; beyond every byte of UTF-8."""
FOLDED_LETTERS = 3
"""Letters of a case-folded text that are looked for in both cases: eight beginnings."""


def groups_between(column: Column, begin: bytes, end: bytes) -> range:
    """The groups of all strings from ``begin`` to ``end``, and perhaps of some others."""
    return range(max(0, column.last_at_most(begin)), column.last_at_most(end) + 1)


def mark_between(column: Column, flags: Flags, begin: bytes, end: bytes) -> None:
    """Sets the flags of the rows in these groups."""
    groups = groups_between(column, begin, end)
    column.mark(flags, groups.start, groups.stop)


def folded_ranges(folded: str) -> list[tuple[bytes, bytes]]:
    """Between which strings all those lie that fold to this one; some of the ranges overlap.

    ASCII letters fold so in two ways, what is not ASCII in any.
    """
    ranges, beginnings = list[tuple[bytes, bytes]](), [b""]
    for letter in folded[:FOLDED_LETTERS]:
        ranges += [(begin + NOT_ASCII, begin + ABOVE_UTF8) for begin in beginnings]
        if not letter.isascii():
            return ranges
        cases = {letter.lower().encode(), letter.upper().encode()}
        beginnings = [begin + case for begin in beginnings for case in cases]
    return ranges + [(begin, begin + ABOVE_UTF8) for begin in beginnings]


def mark_folded(column: Column, folded: str, work: Work, into: Verdict) -> None:
    """The rows of an exact column whose strings fold to this one, or may, where they were cut."""
    groups = {group for each in folded_ranges(folded) for group in groups_between(column, *each)}
    for group in sorted(groups):
        work.spend(NODE)
        key = column.key(group)
        assert isinstance(key, bytes)
        text = key.decode("utf-8", "ignore").casefold()  # a character that was cut in two is left out
        if not is_whole(key, column) and folded.startswith(text):
            column.mark(into.possible, group, group + 1)
        elif text == folded:
            column.mark(into.certain, group, group + 1)


def texts_passing(column: Column | None, passes: Callable[[str], bool], rows: int, work: Work) -> Verdict:
    """The strings that pass: where a column has each of them whole, these are asked, and each once."""
    certain, possible = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    if column is None:
        return Verdict(certain, possible)
    if not column.is_exact:
        column.mark(possible, 0, column.groups)
        return Verdict(certain, possible)
    for group in range(column.groups):
        key = column.key(group)
        assert isinstance(key, bytes)
        work.spend(NODE + len(key) * SCANNED_BYTE)
        if not is_whole(key, column):
            column.mark(possible, group, group + 1)
        elif passes(key.decode()):
            column.mark(certain, group, group + 1)
    return Verdict(certain, possible | certain)
