"""The field file of a segment: what its payloads hold, by path and in order of value.

    column   := keys ends? starts rows bitmaps prints
    keys     := f64 × groups, or the keys of strings one after the other; ascending
    ends     := u32 × groups, where each string's key ends
    starts   := u32 × (groups + 1), where each group's rows begin, then how many there are
    rows     := u16 × n, or u32 × n in a segment of more than 65,536 rows; ascending within a key
    bitmaps  := a bitmap over all rows for each *dense* group, which has no rows in ``rows``
    prints   := u8 × n, a fingerprint of each one's whole string, where keys of strings are sparse
    odd      := a bitmap of the unindexed rows, which the columns do not describe (a name given twice, say)

In an *exact* column each group is one key. Where there are very many different keys, or many of texts that
are longer than a key, a column has *sparse keys*:
the entries of group i are at least key i and less than key i + 1, and a reader that needs to know more reads
the payloads. Keys of strings are cut to ``KEY_BYTES``; keys of numbers are the nearest doubles. So a text of
any size costs its row in the order, and a sixteenth of a short key.

Where these keys do not tell many strings apart, as those of addresses that begin alike, the column is a
*long* one: its strings are cut to ``LONG_KEY_BYTES``, and sparse keys to what tells each from the strings
before it.
The footer lists it apart, and among ``missing`` for programs that do not know such columns.

The file is written from the finished payload file, in one pass, and another one for long columns. What is
sorted and does not fit the memory lies in a scratch file meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.container import (
    CheckWanted,
    ContainerWriter,
    Section,
    always_wanted,
)
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.wal.disk import Files, translated

MAGIC = b"ASTRFLD1"
VERSION = 1
PATHS_MAX = 256
"""Paths of a segment that have columns; filters on others read payloads."""
DEPTH_MAX = 8
"""Names in such a path."""
KEY_BYTES = core.KEY_BYTES
"""Bytes of a string that are its key."""
LONG_KEY_BYTES = core.LONG_KEY_BYTES
"""The same in long columns."""
EXACT_KEYS_MIN = 256
"""So many different keys of a column are always kept; of more, one for each sixteen rows."""
WHOLE_KEYS_MAX = 1 << 16
"""So many are kept where nearly all are whole values: then no payload is read for these."""
BITMAP_SHARE = 16
"""A bitmap takes the room of one row number of 16 bits in so many rows."""
U16_ROWS_MAX = 1 << 16
ENTRIES_AT_ONCE = 1 << 16
"""Entries of a column that are sorted, or written, between two looks at whether to go on."""


class ColumnEntry(msgspec.Struct, frozen=True, array_like=True):
    """One column: ``kind`` is "tag", "number", "string", "length" (of an array), "instant" or "date"."""

    kind: str
    is_exact: bool
    keys: Section
    ends: Section | None
    starts: Section
    rows: Section
    dense: list[int]
    """The dense groups, ascending, in the order of their bitmaps."""
    bitmaps: Section
    prints: Section
    """Empty except in columns of strings with sparse keys."""


class FieldEntry(msgspec.Struct, frozen=True, array_like=True):
    """The columns of one path, or of the elements of the arrays that it leads to."""

    path: list[str]
    is_element: bool
    columns: list[ColumnEntry]
    missing: list[str]
    """Kinds of columns that are not among these: long ones, and in files of earlier programs those that there
    was no room to make."""


class LongColumn(msgspec.Struct, frozen=True, array_like=True):
    """The column of the strings of one path, cut to ``key_bytes``."""

    path: list[str]
    is_element: bool
    key_bytes: int
    column: ColumnEntry


class FieldsFooter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a field file holds."""

    identity: bytes
    number: int
    rows: int
    is_complete: bool
    """Whether every path is among the fields."""
    unindexed: Section = msgspec.field(name="odd")
    fields: list[FieldEntry]
    dates: bool = False
    """Whether dates and times without an offset have columns; a program that does not know them passes over
    columns of this kind."""
    long: list[LongColumn] = []
    whole_keys: int = 0
    """``WHOLE_KEYS_MAX`` of the program that wrote it; 0 of one that kept no more than ``EXACT_KEYS_MIN``."""


Name = tuple[tuple[list[str], bool], core.ColumnKind]
"""A column: its path, whether it is of elements, and its kind."""


def write_fields(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    rows: int,
    payloads: PayloadFile,
    bytes_max: int,
    check_wanted: CheckWanted = always_wanted,
    whole_max: int | None = None,
) -> None:
    """Writes and syncs the field file of segment ``number``; sorting takes about ``bytes_max`` of RAM.

    Beyond that it takes about eight bytes a row, or 3 MiB, for the keys of the column at hand.
    ``whole_max`` is ``WHOLE_KEYS_MAX`` unless it is to be as in a file that an older program wrote. Raises
    NoSpace when there is no room for the scratch file, which lies in the same folder, and what
    ``check_wanted`` raises.
    """
    folder = os.path.dirname(path)
    with (
        ContainerWriter(files, path, MAGIC, VERSION) as writer,
        translated("sort columns in", folder),
    ):
        whole_max = WHOLE_KEYS_MAX if whole_max is None else whole_max
        scratch = files.real_path(folder)
        columns = _ColumnsWriter(writer, rows, scratch, bytes_max, whole_max, payloads, check_wanted)
        footer = FieldsFooter(
            identity=identity,
            number=number,
            rows=rows,
            is_complete=columns.is_complete,
            unindexed=columns.unindexed,
            fields=columns.fields,
            dates=True,
            long=columns.long_columns(),
            whole_keys=whole_max,
        )
        writer.finish(footer)


class _ColumnsWriter:
    """Writes the columns of one field file."""

    def __init__(
        self,
        writer: ContainerWriter,
        rows: int,
        folder: str,
        bytes_max: int,
        whole_max: int,
        payloads: PayloadFile,
        check_wanted: CheckWanted,
    ) -> None:
        """Writes all columns but the long ones."""
        self._writer = writer
        self._rows = rows
        self._folder = folder
        self._bytes_max = bytes_max
        self._whole_max = whole_max
        self._payloads = payloads
        self._check_wanted = check_wanted
        self._long: list[Name] = []
        fields: dict[tuple[tuple[str, ...], bool], FieldEntry] = {}
        shredder = self._shredded(KEY_BYTES, None)
        for name in shredder.columns:
            (names, is_element), kind = shredder.path(name), name.kind
            field = fields.setdefault((tuple(names), is_element), FieldEntry(names, is_element, [], []))
            column = self._sorted(shredder, name, self._whole_max)
            if column.is_crowded:
                field.missing.append(kind.name)
                self._long.append(((names, is_element), kind))
            else:
                field.columns.append(self._written(kind.name, column))
        unindexed = np.zeros(rows, np.bool_)
        unindexed[shredder.unindexed] = True
        bits = [np.packbits(unindexed, bitorder="little").tobytes()] if unindexed.any() else []
        self.fields = list(fields.values())
        self.unindexed = writer.section(bits)
        self.is_complete = shredder.is_complete

    def long_columns(self) -> list[LongColumn]:
        """Writes the others."""
        if not self._long:
            return []
        shredder = self._shredded(LONG_KEY_BYTES, self._long)
        return [
            LongColumn(
                *shredder.path(name),
                LONG_KEY_BYTES,
                self._written(name.kind.name, self._sorted(shredder, name, 0)),
            )
            for name in shredder.columns
        ]

    def _shredded(self, key_bytes: int, wanted: list[Name] | None) -> core.Shredder:
        shredder = core.Shredder(PATHS_MAX, DEPTH_MAX, self._bytes_max, self._folder, key_bytes)
        if wanted is not None:
            shredder.want_only(wanted)
        for texts in self._payloads.all_texts():
            self._check_wanted()
            shredder.add(texts)
        shredder.settle()
        return shredder

    def _sorted(self, shredder: core.Shredder, name: core.ColumnName, whole_max: int) -> core.SortedColumn:
        column = shredder.take(name, max(EXACT_KEYS_MIN, self._rows // 16), whole_max)
        self._check_wanted()
        while column.step(ENTRIES_AT_ONCE):
            self._check_wanted()
        return column

    def _written(self, kind: str, column: core.SortedColumn) -> ColumnEntry:
        writer, rows = self._writer, self._rows
        starts = column.starts.astype(np.int64)
        counts = np.diff(starts)
        is_dense = counts > rows // BITMAP_SHARE
        dense = np.flatnonzero(is_dense).tolist()
        kept_starts = np.concatenate([[0], np.cumsum(np.where(is_dense, 0, counts))])
        is_string = kind == "string"
        return ColumnEntry(
            kind,
            column.is_exact,
            writer.section([column.text if is_string else column.numbers.astype("<f8").tobytes()]),
            writer.section([column.ends.astype("<u4").tobytes()]) if is_string else None,
            writer.section([kept_starts.astype("<u4").tobytes()]),
            writer.section(self._listed_rows(column, starts, is_dense)),
            dense,
            writer.section(self._bitmap(column, starts, group) for group in dense),
            writer.section(self._listed_prints(column, starts, is_dense) if column.has_prints else []),
        )

    def _listed_rows(
        self, column: core.SortedColumn, starts: NDArray[np.int64], is_dense: NDArray[np.bool_]
    ) -> Iterator[bytes]:
        for start, stop, is_kept in self._pieces(starts, is_dense):
            yield column.rows(start, stop)[is_kept].astype(row_type(self._rows)).tobytes()

    def _listed_prints(
        self, column: core.SortedColumn, starts: NDArray[np.int64], is_dense: NDArray[np.bool_]
    ) -> Iterator[bytes]:
        for start, stop, is_kept in self._pieces(starts, is_dense):
            yield column.prints(start, stop)[is_kept].tobytes()

    def _pieces(
        self, starts: NDArray[np.int64], is_dense: NDArray[np.bool_]
    ) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
        """Pieces of the entries of all groups, and which of their entries are in no dense group."""
        entries = int(starts[-1])
        for start in range(0, entries, ENTRIES_AT_ONCE):
            self._check_wanted()
            stop = min(start + ENTRIES_AT_ONCE, entries)
            first, last = np.searchsorted(starts, (start, stop - 1), side="right") - 1
            within = np.diff(starts[first : last + 2].clip(start, stop))
            yield start, stop, np.repeat(~is_dense[first : last + 1], within)

    def _bitmap(self, column: core.SortedColumn, starts: NDArray[np.int64], group: int) -> bytes:
        flags, end = np.zeros(self._rows, np.bool_), int(starts[group + 1])
        for start in range(int(starts[group]), end, ENTRIES_AT_ONCE):
            self._check_wanted()
            flags[column.rows(start, min(start + ENTRIES_AT_ONCE, end))] = True
        return np.packbits(flags, bitorder="little").tobytes()


def row_type(rows: int) -> np.dtype[np.unsignedinteger]:
    """The type of row numbers in a segment of so many rows."""
    return np.dtype("<u2" if rows <= U16_ROWS_MAX else "<u4")
