"""The documents of a segment: each row gets its own back, and damage is an error rather than a document."""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from asteroid_cloud.indexer.segment import payload_file
from asteroid_cloud.indexer.segment.container import ContainerWriter, load_section, read_footer
from asteroid_cloud.indexer.segment.payload_file import (
    BLOCK_BYTES,
    BLOCK_ROWS_MAX,
    LARGE_BYTES,
    LARGE_RAW_BYTES_MAX,
    MAGIC,
    RAW_BYTES_MAX,
    VERSION,
    PayloadFile,
    PayloadFooter,
    write_payloads,
)
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_MAX
from tests.support.faulty_files import MemoryFiles

PATH = "folder/payload"
IDENTITY = bytes(range(16))
CRC_BEFORE = 1_155_887_187


def written(payloads: list[bytes]) -> MemoryFiles:
    files = MemoryFiles()
    files.make_dirs("folder")
    write_payloads(files, PATH, IDENTITY, 3, payloads)
    return files


def open_(files: MemoryFiles, rows: int) -> PayloadFile:
    return PayloadFile(files, PATH, IDENTITY, 3, rows)


def rows(*ordinals: int) -> np.ndarray:
    return np.array(ordinals, np.uint32)


@given(
    st.lists(
        st.sampled_from([b"", b"{}", b"x" * 100, b"y" * (BLOCK_BYTES // 2), b"z" * BLOCK_BYTES]), min_size=1
    ),
    st.randoms(),
)
def test_rows_get_their_own_in_any_order(payloads: list[bytes], random: object) -> None:
    marked = [b"%d:%s" % (row, text) if text else b"" for row, text in enumerate(payloads)]
    file = open_(written(marked), len(marked))
    wanted = [*range(len(marked)), *range(len(marked))]
    random.shuffle(wanted)  # type: ignore[attr-defined]
    assert file.fetch(rows(*wanted)) == [marked[row] for row in wanted]
    assert file.fetch(rows()) == []


@pytest.mark.parametrize("count", [1, BLOCK_ROWS_MAX - 1, BLOCK_ROWS_MAX, BLOCK_ROWS_MAX + 1])
def test_rows_without_payloads_take_next_to_nothing(count: int) -> None:
    files = written([b""] * count)
    assert open_(files, count).fetch(rows(0, count - 1)) == [b"", b""]
    assert files.size(PATH) < 500


def test_the_largest_payloads_fit() -> None:
    largest = [b"%d" % (row % 10) * LARGE_BYTES for row in range(4)]
    almost = [b"s" * (BLOCK_BYTES - 1), b"l" * LARGE_BYTES]
    file = open_(written([*largest, *almost]), 6)
    assert file.fetch(rows(*range(6))) == [*largest, *almost]
    assert not file.has_large


SIZES = [0, 2, 100, BLOCK_BYTES, LARGE_BYTES, LARGE_BYTES + 1, PAYLOAD_BYTES_MAX]


@given(st.lists(st.sampled_from(SIZES), min_size=1, max_size=40), st.randoms())
@settings(max_examples=30)
def test_large_payloads_lie_apart_from_their_neighbours(sizes: list[int], random: object) -> None:
    payloads = [bytes([row % 251]) * size for row, size in enumerate(sizes)]
    file = open_(written(payloads), len(payloads))
    wanted = list(range(len(payloads)))
    random.shuffle(wanted)  # type: ignore[attr-defined]
    assert file.fetch(rows(*wanted)) == [payloads[row] for row in wanted]
    assert file.sizes(rows(*wanted)).tolist() == [sizes[row] for row in wanted]
    assert [text for texts in file.all_texts() for text in texts] == payloads
    large = [row for row in wanted if sizes[row] > LARGE_BYTES]
    assert file.has_large == bool(large)
    assert file.are_large(rows(*large)).all()
    assert file.text_bytes >= sum(sizes[row] for row in large)


class CountingDecompressor:
    """Counts what is unpacked."""

    def __init__(self) -> None:
        self.bytes = 0
        self._inner = zstandard.ZstdDecompressor()

    def decompress(self, packed: bytes) -> bytes:
        raw = self._inner.decompress(packed)
        self.bytes += len(raw)
        return raw


def test_whoever_reads_a_small_payload_unpacks_no_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = [b"s" * 500 if row % 2 else b"L" * PAYLOAD_BYTES_MAX for row in range(20)]
    file = open_(written(payloads), 20)
    unpacked = CountingDecompressor()
    with monkeypatch.context() as patch:
        patch.setattr(payload_file.zstandard, "ZstdDecompressor", lambda: unpacked)
        assert file.fetch(rows(*range(1, 20, 2))) == payloads[1::2]
        assert unpacked.bytes == 10 * 504
        assert file.sizes(rows(*range(0, 20, 2))).tolist() == [PAYLOAD_BYTES_MAX] * 10
        assert unpacked.bytes == 10 * 504, "what a large one has stands before it"


def test_a_file_without_large_payloads_is_as_before_there_were_any() -> None:
    """The bytes of a file that the version before wrote, by their checksum."""
    texts = [b'{"n":%d,"s":"%s"}' % (row, b"x" * (row % 700)) for row in range(500)]
    files = written([*texts, b"l" * LARGE_BYTES])
    assert zlib.crc32(files.contents[PATH]) == CRC_BEFORE


@pytest.mark.parametrize(
    ("identity", "number", "count"), [(bytes(16), 3, 2), (IDENTITY, 4, 2), (IDENTITY, 3, 3)]
)
def test_another_segments_file_is_refused(identity: bytes, number: int, count: int) -> None:
    with pytest.raises(CorruptionError, match="another segment"):
        PayloadFile(written([b"{}", b""]), PATH, identity, number, count)


def rewritten(
    files: MemoryFiles, block: bytes, first: list[int], offset: list[int], large: int = 0
) -> MemoryFiles:
    """The file with other sections, all checksums right."""
    footer = read_footer(files, PATH, MAGIC, VERSION, PayloadFooter)
    files.remove(PATH)
    with ContainerWriter(files, PATH, MAGIC, VERSION) as writer:
        blocks = writer.section([block])
        tables = [
            writer.section([np.array(first, "<u4").tobytes()]),
            writer.section([np.array(offset, "<u8").tobytes()]),
        ]
        writer.finish(PayloadFooter(footer.identity, footer.number, footer.rows, blocks, *tables, large))
    return files


@pytest.mark.parametrize(
    ("first", "offset"),
    [
        ([0, 1], [0, 10]),  # fewer rows than the file has
        ([0, 2], [0, 9]),  # ends before its section
        ([0, 2], [0, 11]),
        ([0, 2, 2], [0, 5, 10]),  # a block without rows
        ([0, 1, 2], [0, 0, 10]),  # a block without bytes
        ([0, 3, 2], [0, 5, 10]),
        ([0, 1, 2], [0, 12, 10]),
        ([1, 2], [0, 10]),
        ([0, 2], [3, 10]),
        ([0, 1, 2], [0, 10]),
        ([], []),
        ([2], [0]),
    ],
)
def test_an_impossible_table_is_refused_though_its_checksums_fit(first: list[int], offset: list[int]) -> None:
    files = rewritten(written([b"{}", b""]), b"x" * 10, first, offset)
    with pytest.raises(CorruptionError):
        open_(files, 2)


@pytest.mark.parametrize("table", ["first", "offset"])
def test_a_table_that_ends_within_an_entry_is_refused(table: str) -> None:
    files = written([b"{}", b""])
    footer = read_footer(files, PATH, MAGIC, VERSION, PayloadFooter)
    content = {
        name: load_section(files, PATH, getattr(footer, name)) for name in ("blocks", "first", "offset")
    }
    content[table] += b"\0"
    files.remove(PATH)
    with ContainerWriter(files, PATH, MAGIC, VERSION) as writer:
        sections = {name: writer.section([data]) for name, data in content.items()}
        writer.finish(structs.replace(footer, **sections))
    with pytest.raises(CorruptionError, match="whole number of entries"):
        open_(files, 2)


def packed(raw: bytes, **options: bool) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(raw)  # type: ignore[arg-type]


LENGTHS = (2).to_bytes(4, "little") + bytes(4)


@pytest.mark.parametrize(
    "block",
    [
        b"no zstd at all",
        packed(LENGTHS[:4]),  # no room for the lengths of two rows
        packed(LENGTHS + b"{"),
        packed(LENGTHS + b"{}}"),
        packed(b"\xff" * 8),
        packed(LENGTHS + b"{}", write_content_size=False),
        packed(LENGTHS + b"{}")[:-1],
        packed(bytes(RAW_BYTES_MAX + 1)),  # a few bytes that would become many
        bytes.fromhex("28b52ffde06c06060663636363"),  # says that it holds a terabyte
    ],
)
def test_an_impossible_block_is_an_error_when_it_is_read(block: bytes) -> None:
    files = rewritten(written([b"{}", b""]), block, [0, 2], [0, len(block)])
    file = open_(files, 2)
    with pytest.raises(CorruptionError):
        file.fetch(rows(0))


@pytest.mark.parametrize("large", [0, 1])
def test_no_block_is_larger_than_its_file_says(large: int) -> None:
    block = packed(bytes(4) + bytes(LARGE_RAW_BYTES_MAX - 3 if large else RAW_BYTES_MAX))
    files = rewritten(written([b"{}"]), block, [0, 1], [0, len(block)], large)
    file = open_(files, 1)
    for read in (file.fetch, file.sizes):
        with pytest.raises(CorruptionError):
            read(rows(0))


def test_damage_after_opening_is_an_error_not_a_document() -> None:
    payloads = [b'{"n":%d}' % row for row in range(40)]
    files = written(payloads)
    file = open_(files, 40)
    blocks = read_footer(files, PATH, MAGIC, VERSION, PayloadFooter).blocks
    data = files.contents[PATH]
    wrong = 0
    for bit in range(8 * blocks.length):
        at = blocks.offset + bit // 8
        data[at] ^= 1 << (bit % 8)
        with suppress(CorruptionError):
            wrong += file.fetch(rows(*range(40))) != payloads
        data[at] ^= 1 << (bit % 8)
    assert wrong == 0


def test_it_is_readable_after_its_removal(tmp_path: Path) -> None:
    """A snapshot may outlive the segment that a merge has replaced."""
    path = tmp_path / "payload"
    write_payloads(LocalFiles(), str(path), IDENTITY, 3, [b'{"a":1}'])
    file = PayloadFile(LocalFiles(), str(path), IDENTITY, 3, 1)
    path.unlink()
    assert file.fetch(rows(0)) == [b'{"a":1}']


def test_the_sections_are_what_the_format_says() -> None:
    files = written([b"ab", b"", b"c"])
    footer = read_footer(files, PATH, MAGIC, VERSION, PayloadFooter)
    raw = zstandard.ZstdDecompressor().decompress(load_section(files, PATH, footer.blocks))
    assert raw == bytes.fromhex("02000000 00000000 01000000") + b"abc"
    assert load_section(files, PATH, footer.first) == bytes.fromhex("00000000 03000000")
