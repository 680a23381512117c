"""The field file of a segment: what its payloads hold, by path and in order of value.

    column   := keys ends? starts rows bitmaps prints
    keys     := f64 × groups, or the keys of strings one after the other; ascending
    ends     := u32 × groups, where each string's key ends
    starts   := u32 × (groups + 1), where each group's rows begin, then how many there are
    rows     := u16 × n, or u32 × n in a segment of more than 65,536 rows; ascending within a key
    bitmaps  := a bitmap over all rows for each *dense* group, which has no rows in ``rows``
    prints   := u8 × n, a fingerprint of each one's whole string, where keys of strings are sparse
    odd      := a bitmap of the unindexed rows, which the columns do not describe (a name given twice, say)

In an *exact* column each group is one key. Where there are many different keys, a column has *sparse keys*:
the entries of group i are at least key i and less than key i + 1, and a reader that needs to know more reads
the payloads. Keys of strings are cut to ``KEY_BYTES``; keys of numbers are the nearest doubles. So a text of
any size costs its row in the order, and a sixteenth of a short key.

The file is written from the finished payload file, in as many passes as it takes to stay within a bound.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.container import (
    CheckWanted,
    ContainerWriter,
    Section,
    always_wanted,
)
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.wal.disk import Files

MAGIC = b"ASTRFLD1"
VERSION = 1
PATHS_MAX = 256
"""Paths of a segment that have columns; filters on others read payloads."""
DEPTH_MAX = 8
"""Names in such a path."""
KEY_BYTES = core.KEY_BYTES
"""Bytes of a string that are its key."""
EXACT_KEYS_MIN = 256
"""So many different keys of a column are always kept; of more, one for each sixteen rows."""
BITMAP_SHARE = 16
"""A bitmap takes the room of one row number of 16 bits in so many rows."""
U16_ROWS_MAX = 1 << 16


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
    """Kinds of columns that there was no room to make."""


class FieldsFooter(msgspec.Struct, frozen=True):
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
) -> None:
    """Writes and syncs the field file of segment ``number``; sorting takes about ``bytes_max`` of RAM."""
    fields: dict[tuple[tuple[str, ...], bool], tuple[list[ColumnEntry], list[str]]] = {}
    exact_max = max(EXACT_KEYS_MIN, rows // 16)
    with ContainerWriter(files, path, MAGIC, VERSION) as writer:
        first = _shredded(payloads, bytes_max, None, check_wanted)
        shredder, wanted = first, [_name(first, each) for each in first.columns + first.dropped]
        while True:
            for column in shredder.columns:
                check_wanted()
                (names, is_element), kind = _name(shredder, column)
                entry = _write_column(writer, kind.name, shredder.column(column, exact_max), rows)
                fields.setdefault((tuple(names), is_element), ([], []))[0].append(entry)
            left = [_name(shredder, each) for each in shredder.dropped]
            if not left or len(left) == len(wanted):
                break
            wanted = left
            shredder = _shredded(payloads, bytes_max, wanted, check_wanted)
        for (names, is_element), kind in left:
            fields.setdefault((tuple(names), is_element), ([], []))[1].append(kind.name)
        unindexed = np.zeros(rows, np.bool_)
        unindexed[first.unindexed] = True
        footer = FieldsFooter(
            identity=identity,
            number=number,
            rows=rows,
            is_complete=first.is_complete,
            unindexed=writer.section(
                [np.packbits(unindexed, bitorder="little").tobytes()] if unindexed.any() else []
            ),
            fields=[FieldEntry(list(names), is_el, *made) for (names, is_el), made in fields.items()],
            dates=True,
        )
        writer.finish(footer)


def _shredded(
    payloads: PayloadFile, bytes_max: int, wanted: list[Name] | None, check_wanted: CheckWanted
) -> core.Shredder:
    shredder = core.Shredder(PATHS_MAX, DEPTH_MAX, bytes_max)
    if wanted is not None:
        shredder.want_only(wanted)
    for texts in payloads.all_texts():
        check_wanted()
        shredder.add(texts)
    return shredder


def _name(shredder: core.Shredder, column: core.ColumnName) -> Name:
    return shredder.path(column), column.kind


def _write_column(writer: ContainerWriter, kind: str, column: core.Column, rows: int) -> ColumnEntry:
    is_exact, numbers, text, ends, starts, entries, prints = column
    counts = np.diff(starts)
    is_dense = counts > rows // BITMAP_SHARE
    dense = np.flatnonzero(is_dense).tolist()
    is_kept = np.repeat(~is_dense, counts)
    kept = entries[is_kept]
    starts = np.concatenate([[0], np.cumsum(np.where(is_dense, 0, counts))])

    def bitmaps() -> Iterator[bytes]:
        ends_of = np.cumsum(counts)
        for group in dense:
            flags = np.zeros(rows, np.bool_)
            flags[entries[ends_of[group] - counts[group] : ends_of[group]]] = True
            yield np.packbits(flags, bitorder="little").tobytes()

    is_string = kind == "string"
    return ColumnEntry(
        kind,
        is_exact,
        writer.section([text if is_string else numbers.astype("<f8").tobytes()]),
        writer.section([ends.astype("<u4").tobytes()]) if is_string else None,
        writer.section([starts.astype("<u4").tobytes()]),
        writer.section([kept.astype(row_type(rows)).tobytes()]),
        dense,
        writer.section(bitmaps()),
        writer.section([prints[is_kept].tobytes()] if len(prints) else []),
    )


def row_type(rows: int) -> np.dtype[np.unsignedinteger]:
    """The type of row numbers in a segment of so many rows."""
    return np.dtype("<u2" if rows <= U16_ROWS_MAX else "<u4")
