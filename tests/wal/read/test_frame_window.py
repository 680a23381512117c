"""One frame: found wherever it begins, read through a window, decoded, or refused with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.events import Encoded
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.frame_window import Window, frame_time_ms
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, IDENTITY, TIME_MS, disk, file_of, frames_of, ids


@pytest.mark.parametrize("window_bytes", [1, 45, 4096])
def test_the_next_frame_is_found_wherever_it_begins(
    window_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.read.frame_window.WINDOW_BYTES", max(window_bytes, 45))
    first, second = frames_of(1, 1)
    for junk in range(120):
        window = Window(disk(file_of(bytes(junk) + b"AFRM" + second)), FIRST)
        found = window.next_frame(IDENTITY, FILE_HEADER_BYTES, Lsn(1))
        assert found is not None
        assert found.offset == FILE_HEADER_BYTES + junk + 4
    window = Window(disk(file_of(b"junk" + first)), FIRST)
    assert window.next_frame(IDENTITY, FILE_HEADER_BYTES, Lsn(1)) is None


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 320), st.integers(0, 320))))
def test_a_window_is_the_file(data: bytes, reads: list[tuple[int, int]]) -> None:
    window = Window(MemoryFiles({"d/f": data}), "d/f", len(data))
    for offset, length in reads:
        assert bytes(window.get(offset, length)) == data[offset : offset + length]


def test_a_window_sees_what_was_appended_once_it_looks_again() -> None:
    files = MemoryFiles({"d/f": b"12"})
    window = Window(files, "d/f")
    assert bytes(window.get(0, 9)) == b"12"
    files.open_append("d/f").write(b"34")
    assert bytes(window.get(0, 9)) == b"12"
    window.look_again()
    assert bytes(window.get(0, 9)) == b"1234"


def test_a_frame_gives_its_bytes_its_records_and_a_part_of_them() -> None:
    (data,) = frames_of(3)
    frame = Window(disk(file_of(data)), FIRST).frame_at(IDENTITY, FILE_HEADER_BYTES)
    assert (frame.data(), ids(list(frame.records()))) == (data, [1, 2, 3])
    assert frame.part(IDENTITY, Lsn(1), Lsn(3)) == data
    part = frame.part(IDENTITY, Lsn(2), Lsn(2))
    (found,) = Window(disk(file_of(part, first=2)), FIRST).frame_at(IDENTITY, FILE_HEADER_BYTES).records()
    assert (found.lsn, found.time_ms, ids([found])) == (2, TIME_MS, [2])


def test_bad_bytes_are_refused_with_their_place() -> None:
    junk = encode_frame(IDENTITY, Lsn(1), 0, [Encoded(b"no event", b"")])
    window = Window(disk(file_of(junk)), FIRST)
    frame = window.frame_at(IDENTITY, FILE_HEADER_BYTES)
    for use in (lambda: list(frame.records()), lambda: window.frame_at(IDENTITY, FILE_HEADER_BYTES + 1)):
        with pytest.raises(CorruptionError) as caught:
            use()
        assert caught.value.path == FIRST
    assert caught.value.offset == FILE_HEADER_BYTES + 1


def test_the_time_of_a_frame_needs_only_its_header() -> None:
    (data,) = frames_of(1)
    files = disk(file_of(data[:-1]))
    assert frame_time_ms(files, FIRST, FILE_HEADER_BYTES) == TIME_MS
    assert frame_time_ms(files, FIRST, FILE_HEADER_BYTES + 1) is None
