"""A file of the log: its name, its header, its frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion
from asteroid_cloud.wal.format.log_file import (
    FILE_HEADER_BYTES,
    FileHeader,
    Window,
    decode_file_header,
    encode_file_header,
    file_name,
    log_files,
    next_frame,
    read_frames,
)
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, file_of, frames_of

HEADER = FileHeader(IDENTITY, Lsn(7), 3)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_header_survives_encoding(identity: bytes, first: int, epoch: int) -> None:
    header = FileHeader(identity, Lsn(first), epoch)
    encoded = encode_file_header(header)
    assert len(encoded) == FILE_HEADER_BYTES
    assert decode_file_header("f", encoded) == header


def test_every_flipped_bit_of_a_header_is_detected() -> None:
    encoded = encode_file_header(HEADER)
    for bit in range(len(encoded) * 8):
        damaged = bytearray(encoded)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises((CorruptionError, UnsupportedVersion)):
            decode_file_header("f", bytes(damaged))


@given(st.binary(max_size=2 * FILE_HEADER_BYTES))
def test_arbitrary_bytes_are_no_header(data: bytes) -> None:
    with pytest.raises(CorruptionError):
        decode_file_header("f", data)


def test_names_sort_as_their_numbers_and_strangers_are_left_alone() -> None:
    names = [file_name(Lsn(lsn)) for lsn in (1, 9, 10, 2**63)]
    others = ["1.wal", f"{names[0]}.56.broken", f"{names[0]}.new", "notes.txt"]
    files = MemoryFiles({f"{FOLDER}/{name}": b"" for name in [*reversed(names), *others]})
    assert [path for _, path in log_files(files, FOLDER)] == [f"{FOLDER}/{name}" for name in names]


def test_frames_are_read_in_order_up_to_the_end_that_counts() -> None:
    frames = frames_of(2, 1, 3)
    files = disk(file_of(*frames))
    end = FILE_HEADER_BYTES + len(frames[0]) + len(frames[1])
    found = list(read_frames(files, FIRST, IDENTITY, end))
    assert [(frame.header.first_lsn, frame.header.last_lsn) for frame in found] == [(1, 2), (3, 3)]
    assert found[-1].end == end


def test_damage_says_where_it_is() -> None:
    frames = frames_of(1, 1)
    data = bytearray(file_of(*frames))
    data[-1] ^= 1
    with pytest.raises(CorruptionError) as caught:
        list(read_frames(disk(bytes(data)), FIRST, IDENTITY, len(data)))
    assert (caught.value.path, caught.value.offset) == (FIRST, len(data) - len(frames[1]))


@pytest.mark.parametrize("window_bytes", [1, 45, 4096])
def test_the_next_frame_is_found_wherever_it_begins(
    window_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.format.log_file.WINDOW_BYTES", max(window_bytes, 45))
    first, second = frames_of(1, 1)
    for junk in range(120):
        files = disk(file_of(bytes(junk) + b"AFRM" + second))
        found = next_frame(files, FIRST, IDENTITY, FILE_HEADER_BYTES, Lsn(1))
        assert found is not None
        assert found.offset == FILE_HEADER_BYTES + junk + 4
    assert next_frame(disk(file_of(b"junk" + first)), FIRST, IDENTITY, FILE_HEADER_BYTES, Lsn(1)) is None


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 320), st.integers(0, 320))))
def test_a_window_is_the_file(data: bytes, reads: list[tuple[int, int]]) -> None:
    window = Window(MemoryFiles({"d/f": data}), "d/f", len(data))
    for offset, length in reads:
        assert bytes(window.get(offset, length)) == data[offset : offset + length]
