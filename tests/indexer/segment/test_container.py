"""The frame around sections: what is read back is what was written, or it is refused."""

from __future__ import annotations

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.segment.container import (
    FEATURES_VERSION,
    FOOTER_BYTES_MAX,
    HEADER,
    TRAILER,
    ContainerWriter,
    Section,
    load_section,
    read_footer,
    read_section,
)
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from tests.support.faulty_files import MemoryFiles

MAGIC = b"TESTFILE"
PATH = "folder/file"


class Footer(msgspec.Struct, frozen=True):
    """What the tests' files hold."""

    sections: list[Section]


def written(*sections: list[bytes], align: int = 8, version: int = 1) -> MemoryFiles:
    files = MemoryFiles()
    files.make_dirs("folder")
    with ContainerWriter(files, PATH, MAGIC, version) as writer:
        writer.finish(Footer([writer.section(chunks, align) for chunks in sections]))
    return files


def footer_of(files: MemoryFiles) -> Footer:
    return read_footer(files, PATH, MAGIC, 1, Footer)


def everything(files: MemoryFiles) -> list[bytes]:
    return [load_section(files, PATH, section) for section in footer_of(files).sections]


@given(st.lists(st.lists(st.binary(max_size=40), max_size=3), max_size=4), st.sampled_from([8, 4096]))
def test_sections_come_back_and_start_at_their_border(sections: list[list[bytes]], align: int) -> None:
    files = written(*sections, align=align)
    assert everything(files) == [b"".join(chunks) for chunks in sections]
    assert all(section.offset % align == 0 for section in footer_of(files).sections)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for content in (data, MAGIC + data, MAGIC + b"\1\0\0\0" + data + MAGIC):
        files = MemoryFiles({PATH: content})
        try:
            everything(files)
        except (CorruptionError, UnsupportedVersion):
            continue
        raise AssertionError("read without having been written")


def test_every_flipped_bit_shows_but_for_those_between_sections() -> None:
    files = written([b"first section"], [b"x" * 20], align=64)
    whole, expected = bytes(files.contents[PATH]), everything(files)
    used = set(range(HEADER.size))
    for section in footer_of(files).sections:
        used |= set(range(section.offset, section.offset + section.length))
    last = max(section.offset + section.length for section in footer_of(files).sections)
    used |= set(range(last, len(whole)))
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        files.contents[PATH] = damaged
        if bit // 8 in used:
            with pytest.raises((CorruptionError, UnsupportedVersion)):
                everything(files)
        else:
            assert everything(files) == expected


def test_a_file_cut_anywhere_is_refused() -> None:
    files = written([b"first section"], [b"x" * 20])
    whole = bytes(files.contents[PATH])
    for length in range(len(whole)):
        files.contents[PATH] = bytearray(whole[:length])
        with pytest.raises(CorruptionError):
            everything(files)
    files.contents[PATH] = bytearray(whole + b"\0")
    with pytest.raises(CorruptionError):
        everything(files)


def test_a_file_of_another_kind_or_a_newer_version_is_refused() -> None:
    files = written([b"some"])
    with pytest.raises(CorruptionError, match="kind"):
        read_footer(files, PATH, b"OTHERFIL", 1, Footer)
    newer = written([b"some"], version=2)
    before = newer.image()
    with pytest.raises(UnsupportedVersion, match="version 2"):
        footer_of(newer)
    assert newer.image() == before


def test_an_unfinished_file_is_refused() -> None:
    files = MemoryFiles()
    files.make_dirs("folder")
    with ContainerWriter(files, PATH, MAGIC, 1) as writer:
        writer.section([b"x" * 500])
    with pytest.raises(CorruptionError, match="without a footer"):
        footer_of(files)


@pytest.mark.parametrize(
    "section",
    [
        Section(16, 10**6, 0),
        Section(2**60, 4, 0),
        Section(16, 2**62, 0),
        Section(-8, 4, 0),
        Section(16, -1, 0),
    ],
)
def test_a_section_outside_the_file_is_refused_whatever_the_checksums_say(section: Section) -> None:
    files = MemoryFiles()
    files.make_dirs("folder")
    with ContainerWriter(files, PATH, MAGIC, 1) as writer:
        writer.section([b"x" * 100])
        writer.finish(Footer([section]))
    with pytest.raises(CorruptionError):
        everything(files)


def test_a_footer_that_says_it_is_huge_is_not_read() -> None:
    files = written([b"some"])
    data = files.contents[PATH]
    _, crc, magic = TRAILER.unpack(data[-TRAILER.size :])
    data[-TRAILER.size :] = TRAILER.pack(FOOTER_BYTES_MAX + 1, crc, magic)
    data[HEADER.size : HEADER.size] = bytes(FOOTER_BYTES_MAX)
    with pytest.raises(CorruptionError, match="without a footer"):
        footer_of(files)


def test_a_footer_of_another_shape_is_refused() -> None:
    class Other(msgspec.Struct, frozen=True):
        """Lacks what a reader wants."""

        name: str

    files = MemoryFiles()
    files.make_dirs("folder")
    with ContainerWriter(files, PATH, MAGIC, 1) as writer:
        writer.finish(Other("x"))
    with pytest.raises(CorruptionError, match="does not decode"):
        footer_of(files)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x81\xa4\xff\xfe\xfd\xfc\xc0",  # a name that is no UTF-8
        b"\x81\xa1x" + b"\x91" * 90_000 + b"\xc0",  # nested deeper than any decoder goes
        b"\xdd\xff\xff\xff\xff",
    ],
)
def test_a_footer_that_is_no_footer_is_refused_though_its_checksum_fits(body: bytes) -> None:
    header = HEADER.pack(MAGIC, 1, 0)
    trailer = TRAILER.pack(len(body), zlib.crc32(header + body), MAGIC)
    with pytest.raises(CorruptionError, match="does not decode"):
        footer_of(MemoryFiles({PATH: header + body + trailer}))


def test_a_long_section_is_read_in_steps() -> None:
    files = written([b"ab" * 50])
    [section] = footer_of(files).sections
    chunks = list(read_section(files, PATH, section, step=30))
    assert [len(chunk) for chunk in chunks] == [30, 30, 30, 10]
    assert b"".join(chunks) == b"ab" * 50


@pytest.mark.parametrize("known", [0b0, 0b1, 0b11, 0b111])
def test_a_file_is_refused_unless_all_its_features_are_known(known: int) -> None:
    files = MemoryFiles()
    files.make_dirs("folder")
    with ContainerWriter(files, PATH, MAGIC, 1, features=0b11) as writer:
        writer.finish(Footer([]))
    assert HEADER.unpack(bytes(files.contents[PATH])[: HEADER.size]) == (MAGIC, FEATURES_VERSION, 0b11)
    if known & 0b11 == 0b11:
        assert read_footer(files, PATH, MAGIC, 1, Footer, known).sections == []
    else:
        with pytest.raises(UnsupportedVersion):
            read_footer(files, PATH, MAGIC, 1, Footer, known)


def test_a_file_without_features_is_of_the_first_version() -> None:
    assert bytes(written().contents[PATH])[: HEADER.size] == HEADER.pack(MAGIC, 1, 0)
