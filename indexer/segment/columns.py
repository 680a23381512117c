"""A segment's fields, open: which rows have values in some range, read from the file when asked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.columns import Groups, Ordinals
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.column_file import (
    DEPTH_MAX,
    KEY_BYTES,
    MAGIC,
    VERSION,
    ColumnEntry,
    FieldEntry,
    FieldsFooter,
    LongColumn,
    row_type,
)
from asteroid_cloud.indexer.segment.container import (
    CheckWanted,
    Section,
    always_wanted,
    load_section,
    read_footer,
    read_section,
)
from asteroid_cloud.wal.disk import Files, ReadFile
from asteroid_cloud.wal.errors import CorruptionError

Flags = NDArray[np.bool_]
FieldKey = tuple[tuple[str, ...], bool]
"""A path, and whether the elements of its arrays are meant."""
ROWS_A_PIECE = 1 << 17
"""Rows of a column that are read at a time."""

DIRECTORY_COLUMN_BYTES = 800
EXACT_INTEGERS = float(2**53)
"""Below it each integer is a double of its own."""


class FieldColumn:
    """One column, with its keys in memory for as long as somebody holds it.

    Groups are numbered from 0 in the order of their keys.
    """

    def __init__(
        self, path: str, file: ReadFile, entry: ColumnEntry, rows: int, key_bytes: int = KEY_BYTES
    ) -> None:
        self.is_exact = entry.is_exact
        """Whether a group is one key; else its entries are from its key to before the next one's."""
        self.key_bytes = key_bytes
        """How many bytes of a string are its key."""
        self._path = path
        self._file = file
        self._entry = entry
        self._rows = rows
        self._starts = self._array(entry.starts, "<u4").astype(np.int64)
        self._ends = None if entry.ends is None else self._array(entry.ends, "<u4").astype(np.int64)
        self._text = self._read(entry.keys)
        numbers = self._array(entry.keys, "<f8") if entry.ends is None else np.empty(0)
        self._numbers: NDArray[np.float64] = numbers
        self.groups = len(self._starts) - 1
        self._check()

    def key(self, group: int) -> float | bytes:
        """The key of a group: a double, or the beginning of a string as UTF-8."""
        if self._ends is None:
            return float(self._numbers[group])
        start = int(self._ends[group - 1]) if group else 0
        return self._text[start : int(self._ends[group])]

    def last_at_most(self, key: float | bytes) -> int:
        """The last group whose key is not above this one; -1 when all are."""
        if self._ends is None:
            return int(np.searchsorted(self._numbers, key, side="right")) - 1
        return bisect_right(range(self.groups), key, key=self.key) - 1

    def mark(self, flags: Flags, first: int, last: int) -> None:
        """Sets the flags of the rows in groups ``first`` to before ``last``."""
        first, last = max(first, 0), min(last, self.groups)
        if first < last:
            flags[self._listed(first, last)] = True
            self._mark_dense(flags, first, last)

    def rows(self, first: int, last: int) -> Iterator[tuple[Ordinals, Groups]]:
        """The rows in groups ``first`` to before ``last``, some at a time, with the group of each."""
        first, last = max(first, 0), min(last, self.groups)
        if first >= last:
            return
        begin, end = int(self._starts[first]), int(self._starts[last])
        for start in range(begin, end, ROWS_A_PIECE):
            stop = min(start + ROWS_A_PIECE, end)
            groups = np.searchsorted(self._starts, np.arange(start, stop), side="right") - 1
            yield self._entries(start, stop).astype(np.uint32), groups
        size = (self._rows + 7) // 8
        for place, group in enumerate(self._entry.dense):
            if not first <= group < last:
                continue
            for byte in range(0, size, ROWS_A_PIECE // 8):
                until = min(byte + ROWS_A_PIECE // 8, size)
                bits = self._read(self._entry.bitmaps, place * size + byte, place * size + until)
                flags = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
                found = (np.flatnonzero(flags[: self._rows - 8 * byte]) + 8 * byte).astype(np.uint32)
                yield found, np.full(len(found), group, np.int64)

    def mark_alike(self, flags: Flags, group: int, text: bytes) -> None:
        """Sets the flags of a group's rows that may have this very string, by their fingerprints."""
        prints = self._entry.prints
        if not prints.length:
            self.mark(flags, group, group + 1)
            return
        begin, end = int(self._starts[group]), int(self._starts[group + 1])
        found = np.frombuffer(self._read(prints, begin, end), np.uint8)
        flags[self._listed(group, group + 1)[found == core.fingerprint(text)]] = True
        self._mark_dense(flags, group, group + 1)

    def mark_numbers(self, keys: NDArray[np.float64], certain: Flags, possible: Flags) -> None:
        """Sets the flags of the rows with one of many numbers; see ``Column``."""
        groups = np.searchsorted(self._numbers, keys, side="right") - 1
        keys, groups = keys[groups >= 0], groups[groups >= 0]
        if not self.is_exact:
            return self._mark_groups(possible, np.unique(groups))
        equal, is_whole = self._numbers[groups] == keys, np.abs(keys) < EXACT_INTEGERS
        self._mark_groups(certain, groups[equal & is_whole])
        self._mark_groups(possible, groups[equal & ~is_whole])

    def mark_texts(self, texts: core.TextList, certain: Flags, possible: Flags) -> None:
        """The same of many strings."""
        assert self._ends is not None, "only of a column of strings"
        groups, is_equal = texts.places_in(self._text, self._ends, self.key_bytes)
        if not self.is_exact:
            return self._mark_prints(possible, groups, texts.fingerprints())
        groups = groups[is_equal]
        is_cut = np.diff(self._ends, prepend=0)[groups] == self.key_bytes
        self._mark_groups(certain, groups[~is_cut])
        self._mark_groups(possible, np.unique(groups[is_cut]))

    def _mark_prints(self, flags: Flags, groups: NDArray[np.int64], prints: NDArray[np.uint8]) -> None:
        """Sets the flags of the rows whose group and fingerprint are those of one of many strings."""
        prints, groups = prints[groups >= 0], groups[groups >= 0]
        distinct, places = np.unique(groups, return_inverse=True)
        if not self._entry.prints.length:
            return self._mark_groups(flags, distinct)
        wanted = np.zeros((len(distinct), 256), np.bool_)
        wanted[places, prints] = True
        self._mark_groups(flags, distinct, wanted)

    def _mark_groups(self, flags: Flags, groups: NDArray[np.int64], wanted: Flags | None = None) -> None:
        """Sets the flags of the rows in some groups, each given once, or of those with a wanted print."""
        if len(groups) == 0:
            return
        first, last = int(groups.min()), int(groups.max()) + 1
        begins, lengths = self._starts[groups], self._starts[groups + 1] - self._starts[groups]
        before = np.cumsum(lengths) - lengths
        entries = np.repeat(begins - before, lengths) + np.arange(int(lengths.sum()))
        if wanted is not None:
            found = np.frombuffer(self._read(self._entry.prints), np.uint8)
            entries = entries[wanted[np.repeat(np.arange(len(groups)), lengths), found[entries]]]
        flags[self._listed(first, last)[entries - self._starts[first]]] = True
        for group in set(self._entry.dense).intersection(groups.tolist()):
            self._mark_dense(flags, group, group + 1)

    def _listed(self, first: int, last: int) -> NDArray[np.unsignedinteger]:
        return self._entries(int(self._starts[first]), int(self._starts[last]))

    def _entries(self, begin: int, end: int) -> NDArray[np.unsignedinteger]:
        entry, kind = self._entry, row_type(self._rows)
        rows = np.frombuffer(self._read(entry.rows, begin * kind.itemsize, end * kind.itemsize), kind)
        if len(rows) and int(rows.max()) >= self._rows:
            raise CorruptionError(self._path, entry.rows.offset, "a column names a row that is not there")
        return rows

    def _mark_dense(self, flags: Flags, first: int, last: int) -> None:
        entry, size = self._entry, (self._rows + 7) // 8
        for place, group in enumerate(entry.dense):
            if first <= group < last:
                bits = np.frombuffer(self._read(entry.bitmaps, place * size, (place + 1) * size), np.uint8)
                flags |= np.unpackbits(bits, count=self._rows, bitorder="little").view(np.bool_)

    def _check(self) -> None:
        """Raises CorruptionError unless the parts fit each other, though their checksums are right."""
        entry, starts, ends = self._entry, self._starts, self._ends
        keys = len(self._numbers) if ends is None else len(ends)
        sound = self.groups == keys and self.groups >= 1 and (entry.kind == "string") == (ends is not None)
        if ends is not None and sound:
            sound = int(ends[-1]) == len(self._text) and bool(np.all(ends[1:] >= ends[:-1]))
        if sound:
            listed = int(starts[-1]) * row_type(self._rows).itemsize
            sound = starts[0] == 0 and bool(np.all(starts[1:] >= starts[:-1])) and listed == entry.rows.length
        sound = sound and entry.prints.length in (0, int(starts[-1]))
        sound = sound and len(entry.dense) * ((self._rows + 7) // 8) == entry.bitmaps.length
        if not sound:
            raise CorruptionError(
                self._path, entry.keys.offset, "the parts of a column do not fit each other"
            )

    def _array(self, section: Section, kind: str) -> NDArray[Any]:
        if section.length % np.dtype(kind).itemsize:
            raise CorruptionError(self._path, section.offset, "a column is no whole number of entries")
        return np.frombuffer(self._read(section), kind)

    def _read(self, section: Section, start: int = 0, stop: int | None = None) -> bytes:
        stop = section.length if stop is None else stop
        if not 0 <= start <= stop <= section.length:
            raise CorruptionError(self._path, section.offset, "a column is shorter than its keys say")
        return self._file.read(section.offset + start, stop - start)


class Fields:
    """The columns of one segment; in RAM are only their places."""

    def __init__(
        self,
        files: Files,
        path: str,
        identity: bytes,
        number: int,
        rows: int,
        check_wanted: CheckWanted = always_wanted,
    ) -> None:
        """Checks the whole file; raises CorruptionError when it is damaged or another segment's."""
        self.rows = rows
        self._path = path
        self._file = files.open_read(path)  # so that a snapshot can read it after a merge has removed it
        footer = read_footer(files, path, MAGIC, VERSION, FieldsFooter)
        if (footer.identity, footer.number, footer.rows) != (identity, number, rows):
            raise CorruptionError(path, 0, "the field file belongs to another segment")
        self._is_complete = footer.is_complete
        self.has_dates = footer.dates
        """Whether dates and times without an offset have columns; if not, they are among the strings only."""
        self.whole_keys = footer.whole_keys
        """Up to how many different whole keys its columns are exact."""
        self._fields = {(tuple(field.path), field.is_element): field for field in footer.fields}
        self._key_bytes: dict[tuple[FieldKey, str], int] = {}
        """Of long columns."""
        for long in footer.long:
            self._add_long(long)
        for column in self._columns():
            for section in _sections(column):
                for _ in read_section(files, path, section, check_wanted=check_wanted):
                    pass  # read only to check it
        unindexed = load_section(files, path, footer.unindexed)
        self.unindexed: Flags | None = None
        """Rows that columns do not describe: whether they match, only their payloads tell."""
        if unindexed:
            bits = np.frombuffer(unindexed, np.uint8)
            if len(bits) != (rows + 7) // 8:
                raise CorruptionError(
                    path, footer.unindexed.offset, "the unindexed rows do not fit the segment"
                )
            self.unindexed = np.unpackbits(bits, count=rows, bitorder="little").view(np.bool_)

    def _add_long(self, long: LongColumn) -> None:
        """Lists it with the other columns of its path."""
        key, kind = (tuple(long.path), long.is_element), long.column.kind
        field = self._fields.get(key)
        if field is None or kind not in field.missing or long.key_bytes < 1:
            raise CorruptionError(self._path, 0, "the field file has a long column of no field")
        missing = [each for each in field.missing if each != kind]
        self._fields[key] = FieldEntry(field.path, field.is_element, [*field.columns, long.column], missing)
        self._key_bytes[key, kind] = long.key_bytes

    @property
    def directory_bytes(self) -> int:
        """RAM of the columns' places, about."""
        return sum(DIRECTORY_COLUMN_BYTES for _ in self._columns())

    def _columns(self) -> Iterator[ColumnEntry]:
        return (column for field in self._fields.values() for column in field.columns)

    def differing(self, other: Fields) -> list[str]:
        """The columns that are not the same in another set of the same rows, by path and kind.

        Those that one of the two had no room for, or whose kind or long keys it is too old to have, are left
        out.
        """
        unknown = set() if self.has_dates and other.has_dates else {"date"}
        found = [] if self.has_same_unindexed(other) else ["the set of unindexed rows"]
        for key in sorted(self._fields.keys() | other._fields.keys()):
            mine, theirs = self._contents(key), other._contents(key)
            for kind in sorted(mine.keys() | theirs.keys()):
                if kind in unknown.union(self._missing(key), other._missing(key)):
                    continue
                if self._key_bytes.get((key, kind)) != other._key_bytes.get((key, kind)):
                    continue
                if mine.get(kind) != theirs.get(kind):
                    found.append(f"the {kind} column of {'.'.join(key[0])}{'[]' if key[1] else ''}")
        return found

    def has_same_unindexed(self, other: Fields) -> bool:
        """Whether the same rows are not described."""
        mine, theirs = self.unindexed, other.unindexed
        return mine is theirs if mine is None or theirs is None else bool(np.array_equal(mine, theirs))

    def _contents(self, key: FieldKey) -> dict[str, tuple[bytes, ...]]:
        field = self._fields.get(key)
        return {column.kind: self._bytes_of(column) for column in field.columns} if field else {}

    def _missing(self, key: FieldKey) -> list[str]:
        field = self._fields.get(key)
        return field.missing if field else []

    def _bytes_of(self, column: ColumnEntry) -> tuple[bytes, ...]:
        return tuple(self._file.read(each.offset, each.length) for each in _sections(column))

    def knows(self, path: tuple[str, ...]) -> bool:
        """Whether columns tell all there is to know of a path, if only that no row has it."""
        return (path, False) in self._fields or (self._is_complete and len(path) <= DEPTH_MAX)

    def paths(self) -> list[tuple[str, ...]] | None:
        """Every path that a row has, if the columns tell of all rows and kinds there; else None."""
        if not self._is_complete or any(field.missing for field in self._fields.values()):
            return None
        return [path for path, is_element in self._fields if not is_element]

    def column(self, path: tuple[str, ...], kind: str, is_element: bool = False) -> FieldColumn | None:
        """The column of a path, or of the elements of its arrays; None when no row has such a value.

        Raises KeyError when there was no room for this column.
        """
        field: FieldEntry | None = self._fields.get((path, is_element))
        if field is None and not self._is_complete:
            raise KeyError(path)
        if field is None:
            return None
        if kind in field.missing:
            raise KeyError(kind)
        for column in field.columns:
            if column.kind == kind:
                key_bytes = self._key_bytes.get(((path, is_element), kind), KEY_BYTES)
                return FieldColumn(self._path, self._file, column, self.rows, key_bytes)
        return None


def _sections(column: ColumnEntry) -> list[Section]:
    sections = (column.keys, column.ends, column.starts, column.rows, column.bitmaps, column.prints)
    return [section for section in sections if section is not None]
