"""The documents of a segment: zstd blocks of JSON texts, fetched a block at a time.

blocks := block*
block  := zstd( length:u32 × n ++ text × n )      n = rows of the block; length 0 = no payload
first  := u32 × (blocks + 1)    row that each block starts with, then the row count
offset := u64 × (blocks + 1)    where each block starts in its section, then the section's length

A payload of more than LARGE_BYTES is *large*: it has a block of its own, so that whoever reads its
neighbours does not unpack it. The footer of a file with such blocks says how many bytes they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.part import TakeBytes, unbounded
from asteroid_cloud.indexer.segment.container import (
    CheckWanted,
    ContainerWriter,
    Section,
    always_wanted,
    load_section,
    read_footer,
    read_section,
)
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import KIB, PAYLOAD_BYTES_MAX

MAGIC = b"ASTRPAY1"
VERSION = 1
BLOCK_BYTES = 16 * KIB
BLOCK_ROWS_MAX = 1024
LEVEL = 3
LARGE_BYTES = 64 * KIB
# A block is closed once it holds BLOCK_BYTES, so one last payload may carry it over.
RAW_BYTES_MAX = BLOCK_BYTES + LARGE_BYTES + 4 * BLOCK_ROWS_MAX
LARGE_RAW_BYTES_MAX = PAYLOAD_BYTES_MAX + 4
"""A block of one row unpacked, in a file with large payloads."""
FRAME_HEADER_BYTES_MAX = 18
"""A zstd frame says in so many bytes how large it is unpacked."""


class PayloadFooter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a payload file holds."""

    identity: bytes
    number: int
    rows: int
    blocks: Section
    first: Section
    offset: Section
    large: int = 0
    """Bytes of all large payloads; left out when there are none."""


def _packed_blocks(
    payloads: Iterable[bytes], first: list[int], offset: list[int], check_wanted: CheckWanted
) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    texts: list[bytes] = []
    held = rows = end = 0

    def close() -> bytes:
        nonlocal held, end
        raw = np.array([len(text) for text in texts], "<u4").tobytes() + b"".join(texts)
        block = compressor.compress(raw)
        first.append(rows - len(texts))
        offset.append(end)
        end += len(block)
        texts.clear()
        held = 0
        return block

    for payload in payloads:
        if texts and len(payload) > LARGE_BYTES:
            yield close()
        texts.append(payload)
        held += len(payload)
        rows += 1
        if held >= BLOCK_BYTES or len(texts) == BLOCK_ROWS_MAX:
            check_wanted()
            yield close()
    if texts:
        yield close()
    first.append(rows)
    offset.append(end)


def write_payloads(
    files: Files,
    path: str,
    identity: bytes,
    number: int,
    payloads: Iterable[bytes],
    check_wanted: CheckWanted = always_wanted,
) -> None:
    """Writes and syncs the payload file of segment ``number``, in row order."""
    first: list[int] = []
    offset: list[int] = []
    large = 0

    def counted() -> Iterator[bytes]:
        nonlocal large
        for payload in payloads:
            large += len(payload) if len(payload) > LARGE_BYTES else 0
            yield payload

    with ContainerWriter(files, path, MAGIC, VERSION) as writer:
        blocks = writer.section(_packed_blocks(counted(), first, offset, check_wanted))
        footer = PayloadFooter(
            identity=identity,
            number=number,
            rows=first[-1],
            blocks=blocks,
            first=writer.section([np.array(first, "<u4").tobytes()]),
            offset=writer.section([np.array(offset, "<u8").tobytes()]),
            large=large,
        )
        writer.finish(footer)


class PayloadFile:
    """An open payload file; only its block table is in RAM (12 bytes a block)."""

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
        self._path = path
        self._file = files.open_read(path)  # so that a snapshot can read it after a merge has removed it
        footer = read_footer(files, path, MAGIC, VERSION, PayloadFooter)
        if (footer.identity, footer.number, footer.rows) != (identity, number, rows):
            raise CorruptionError(path, 0, "the payload file belongs to another segment")
        if footer.first.length % 4 or footer.offset.length % 8:
            raise CorruptionError(path, footer.first.offset, "the block table is no whole number of entries")
        self._blocks = footer.blocks
        self._large_bytes = footer.large
        self._first = np.frombuffer(load_section(files, path, footer.first), "<u4")
        self._offset = np.frombuffer(load_section(files, path, footer.offset), "<u8")
        self._check_table(rows)
        for _ in read_section(files, path, footer.blocks, check_wanted=check_wanted):
            pass  # read only to check it

    def _check_table(self, rows: int) -> None:
        first, offset = self._first, self._offset
        sound = len(first) == len(offset) >= 1 and first[-1] == rows and offset[-1] == self._blocks.length
        if sound and len(first) > 1:
            sound = first[0] == 0 and offset[0] == 0
            sound = sound and bool(np.all(first[1:] > first[:-1])) and bool(np.all(offset[1:] > offset[:-1]))
        if not sound:
            raise CorruptionError(self._path, 0, "the block table is not in order")

    def fetch(self, ordinals: NDArray[np.uint32], take: TakeBytes = unbounded) -> list[bytes]:
        """The payload text of each row, in the order asked; each block is read once, and ``take`` told."""
        found = [b""] * len(ordinals)
        for block, positions in self._by_block(ordinals):
            lengths, raw = self._raw_block(block)
            ends = np.cumsum(lengths, dtype=np.int64) + 4 * len(lengths)
            rows = ordinals[positions] - self._first[block]
            take(int(lengths[rows].sum(dtype=np.int64)))
            stops = ends[rows]
            starts = stops - lengths[rows]
            for position, start, stop in zip(
                positions.tolist(), starts.tolist(), stops.tolist(), strict=True
            ):
                found[position] = raw[start:stop]
        return found

    def _by_block(self, ordinals: NDArray[np.uint32]) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Each block that has some of the rows, and where in ``ordinals`` those stand."""
        in_block = np.searchsorted(self._first, ordinals, side="right") - 1
        by_block = np.argsort(in_block, kind="stable")
        blocks, starts = np.unique(in_block[by_block], return_index=True)
        runs = np.split(by_block, starts[1:]) if len(blocks) else []
        return zip(blocks.tolist(), runs, strict=True)

    def all_texts(self) -> Iterator[list[bytes]]:
        """The payload texts of all rows in order, a block at a time."""
        for block in range(len(self._first) - 1):
            yield self._block(block)

    def sizes(self, ordinals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The bytes of each row's payload, in the order asked; read like ``fetch``, and not kept.

        That of a payload with a block of its own is what the block states, which is not unpacked.
        """
        found = np.zeros(len(ordinals), np.int64)
        for block, positions in self._by_block(ordinals):
            if self._rows_of(block) == 1:
                found[positions] = self._stated_size(block, self._packed(block, FRAME_HEADER_BYTES_MAX)) - 4
            else:
                lengths, _ = self._raw_block(block)
                found[positions] = lengths[ordinals[positions] - self._first[block]]
        return found

    def are_large(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of the rows may have a large payload; nothing is read for it."""
        if not self._large_bytes:
            return np.zeros(len(ordinals), np.bool_)
        block = np.searchsorted(self._first, ordinals, side="right") - 1
        is_alone: NDArray[np.bool_] = self._first[block + 1] - self._first[block] == 1
        return is_alone

    @property
    def text_bytes(self) -> int:
        """About how many bytes all texts have: most blocks are closed once they hold BLOCK_BYTES."""
        return max(self._blocks.length, BLOCK_BYTES * (len(self._first) - 1)) + self._large_bytes

    @property
    def has_large(self) -> bool:
        """Whether some payloads have blocks of their own, and are larger than any others."""
        return self._large_bytes > 0

    @property
    def table_bytes(self) -> int:
        """RAM of the block table."""
        return self._first.nbytes + self._offset.nbytes

    def _block(self, block: int) -> list[bytes]:
        lengths, raw = self._raw_block(block)
        ends = np.cumsum(lengths, dtype=np.int64) + 4 * len(lengths)
        return [raw[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]

    def _raw_block(self, block: int) -> tuple[NDArray[np.uint32], bytes]:
        """The lengths of a block's texts, and the block unpacked, which they fill exactly."""
        packed, at, rows = self._packed(block), self._place_of(block), self._rows_of(block)
        self._stated_size(block, packed)
        try:
            raw = zstandard.ZstdDecompressor().decompress(packed)
        except zstandard.ZstdError as error:  # each block has a checksum: damage since opening shows here
            raise CorruptionError(self._path, at, str(error)) from error
        lengths = np.frombuffer(raw, "<u4", rows)
        if len(raw) != int(lengths.sum(dtype=np.int64)) + 4 * rows:
            raise CorruptionError(self._path, at, "a block's texts do not fill it")
        return lengths, raw

    def _rows_of(self, block: int) -> int:
        return int(self._first[block + 1]) - int(self._first[block])

    def _place_of(self, block: int) -> int:
        return self._blocks.offset + int(self._offset[block])

    def _packed(self, block: int, bytes_max: int | None = None) -> bytes:
        """A block as it lies in the file, or its beginning."""
        size = int(self._offset[block + 1]) - int(self._offset[block])
        return self._file.read(self._place_of(block), size if bytes_max is None else min(size, bytes_max))

    def _stated_size(self, block: int, packed: bytes) -> int:
        """The bytes of a block unpacked, as it states them; they are within what a block may have."""
        rows = self._rows_of(block)
        size_max = LARGE_RAW_BYTES_MAX if self.has_large and rows == 1 else RAW_BYTES_MAX
        try:
            size = zstandard.frame_content_size(packed)
        except zstandard.ZstdError as error:
            raise CorruptionError(self._path, self._place_of(block), str(error)) from error
        if not 4 * rows <= size <= size_max:
            raise CorruptionError(self._path, self._place_of(block), "a block states an impossible size")
        return size
