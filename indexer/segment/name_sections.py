"""The ids of a segment whose ids are strings: sections of its graph file, sorted by their bytes.

    ends   := u64 × rows: where each string ends in the text
    text   := the strings as UTF-8, one after the other
    filter := a Bloom filter over them, in blocks of 64 bytes, 10 bits a string, 6 of them set in one block

In such a file ``ids`` holds the rank of each row's string, and ``by_id`` the row of each rank. The strings
stay in the file, which is mapped: nothing of them is kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.container import (
    CheckWanted,
    ContainerWriter,
    Section,
    load_section,
    read_section,
)
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB

SLICE_ROWS = 16_384
FILTER_ALIGN = 64
"""A block of the filter is one cache line."""


class NameSections(msgspec.Struct, frozen=True, array_like=True):
    """Where they are."""

    ends: Section
    text: Section
    filter: Section

    @property
    def layout(self) -> tuple[int, int, int, int, int]:
        """As the native core takes it."""
        return (
            self.ends.offset,
            self.text.offset,
            self.text.length,
            self.filter.offset,
            self.filter.length,
        )

    def has_sizes_of(self, rows: int) -> bool:
        """Whether sections of these sizes may be those of so many rows."""
        text_max = rows * core.NAME_BYTES_MAX
        sizes = (self.ends.length, self.filter.length)
        return sizes == (8 * rows, core.filter_bytes(rows)) and rows <= self.text.length <= text_max


def write_names(
    writer: ContainerWriter,
    names: core.NameList,
    order: NDArray[np.uint32],
    check_wanted: CheckWanted,
) -> NameSections:
    """Writes the names in this order, which is that of their bytes."""
    lengths: list[NDArray[np.uint32]] = []

    def text() -> Iterator[bytes]:
        for first in range(0, len(order), SLICE_ROWS):
            check_wanted()
            piece, sizes = names.text(order[first : first + SLICE_ROWS])
            lengths.append(sizes)
            yield piece

    written = writer.section(text())
    ends = np.cumsum(np.concatenate(lengths), dtype=np.uint64)
    return NameSections(
        ends=writer.section([ends.astype("<u8").tobytes()]),
        text=written,
        filter=writer.section([names.filter()], align=FILTER_ALIGN),
    )


def check_names(
    files: Files, path: str, sections: NameSections, rows: int, check_wanted: CheckWanted
) -> None:
    """Checks every byte, and that the names are in order; raises CorruptionError."""
    ends = np.frombuffer(load_section(files, path, sections.ends, check_wanted), "<u8")
    check = core.NameCheck(ends)
    for piece in read_section(files, path, sections.text, MIB, check_wanted):
        if not check.feed(piece):
            raise CorruptionError(path, sections.text.offset, "the ids are not strings in order")
    if not check.is_whole:
        raise CorruptionError(path, sections.text.offset, "there are fewer ids than rows")
    for _ in read_section(files, path, sections.filter, MIB, check_wanted):
        pass  # what it lacks cannot be told from its bytes, which are those that were written
