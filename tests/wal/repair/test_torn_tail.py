"""Recovery keeps exactly what was wholly written, and refuses what no crash explains."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, StorageError, UnsupportedVersion
from asteroid_cloud.wal.format.frame import HEADER_BYTES, LARGEST_FILE_BYTES
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_end import find_end
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.repair.torn_tail import report_of
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, event, file_of, frames_of, opened, stored

pytestmark = pytest.mark.anyio

FRAMES = frames_of(2, 1, 3)
WHOLE = file_of(*FRAMES)


class CountingReads(LocalFiles):
    """Counts what is read."""

    bytes_read = 0

    def read(self, path: str, offset: int, length: int) -> bytes:
        found = super().read(path, offset, length)
        self.bytes_read += len(found)
        return found


def whole_before(offset: int) -> tuple[int, int]:
    """The last LSN and the end of the frames wholly before ``offset``."""
    lsn, end = 0, FILE_HEADER_BYTES
    for frame, count in zip(FRAMES, (2, 1, 3), strict=True):
        if end + len(frame) > offset:
            break
        lsn, end = lsn + count, end + len(frame)
    return lsn, end


async def test_a_tail_torn_at_any_byte_is_cut_kept_and_gone_on_from() -> None:
    for offset in range(FILE_HEADER_BYTES, len(WHOLE) + 1):
        files = disk(WHOLE[:offset])
        lsn, end = whole_before(offset)
        async with opened(files) as log:
            assert (log.durable_lsn, log.report.bytes_cut) == (lsn, offset - end)
            assert await log.append([event(lsn + 1)]) == lsn + 1
        evidence = {path: data for path, data in files.image().items() if path != FIRST}
        torn = WHOLE[end:offset]
        assert evidence == ({f"{FIRST}.{end}.broken": torn} if torn else {})
        assert await stored(files) == list(range(1, lsn + 2))


async def test_junk_of_any_kind_at_the_end_is_a_torn_tail() -> None:
    for junk in (bytes(4096), b"AFRM" * 50, FRAMES[0][:-1] + b"?", b"\xff", WHOLE[:56]):
        files = disk(WHOLE + junk)
        async with opened(files) as log:
            report = log.report
            assert (log.durable_lsn, report.offset, report.bytes_cut) == (6, len(WHOLE), len(junk))
            assert (report.path, bool(report.reason)) == (FIRST, True)


async def test_a_header_cut_short_is_refused_as_no_crash_leaves_one() -> None:
    for offset in range(FILE_HEADER_BYTES):
        files = disk(WHOLE[:offset])
        before = files.image()
        with pytest.raises(CorruptionError, match="header is cut off"):
            find_end(files, FOLDER, None)
        assert files.image() == before


async def test_every_flipped_bit_is_refused_or_reported_as_a_cut_tail() -> None:
    last_frame = len(WHOLE) - len(FRAMES[-1])
    for bit in range(len(WHOLE) * 8):
        data = bytearray(WHOLE)
        data[bit // 8] ^= 1 << bit % 8
        files = disk(bytes(data))
        if bit // 8 < last_frame:
            with pytest.raises((CorruptionError, UnsupportedVersion)):
                find_end(files, FOLDER, None)
        else:
            end = find_end(files, FOLDER, None)
            assert end is not None
            report = report_of(end)
            assert report.durable_lsn == 3
            assert (report.offset, report.bytes_cut) == (last_frame, len(FRAMES[-1]))
            assert report.reason
        assert files.image() == {FIRST: bytes(data)}


@pytest.mark.parametrize(
    "data",
    [
        file_of(FRAMES[0], FRAMES[2]),
        file_of(FRAMES[0], FRAMES[1], FRAMES[1]),
        file_of(FRAMES[1]),
        file_of(FRAMES[0], b"torn", FRAMES[1]),
        file_of(FRAMES[0], FRAMES[1][:-1], FRAMES[2]),
        file_of(FRAMES[0], bytes(len(FRAMES[1])), FRAMES[2]),
        file_of(*FRAMES, first=2),
        b"not a log" * 20,
    ],
    ids=["missing", "twice", "first missing", "junk", "cut", "zeroed", "name", "foreign"],
)
async def test_damage_in_the_middle_is_refused_and_left_as_it_is(data: bytes) -> None:
    files = disk(data)
    with pytest.raises(CorruptionError) as caught:
        async with opened(files):
            pass
    assert caught.value.path == FIRST
    assert files.image() == {FIRST: data}


@pytest.mark.parametrize("headers", ["all", "the first two", "the later ones"])
async def test_damage_over_several_frames_at_the_very_end_is_no_torn_write(headers: str) -> None:
    frames = frames_of(2, 1, 3, 2, 1)
    for spoilt in range(1, 4):
        data = [bytearray(frame) for frame in frames]
        for number in range(spoilt, 5):
            data[number][-1] ^= 1
        if headers == "the later ones":
            data[spoilt][:40] = bytes(40)
        if headers == "the first two":
            data = data[: spoilt + 2]
            del data[-1][-5:]
        whole = sum(map(len, frames[:spoilt]))
        files = disk(file_of(*data))
        with pytest.raises(CorruptionError) as caught:
            find_end(files, FOLDER, None)
        assert (caught.value.path, caught.value.offset) == (FIRST, FILE_HEADER_BYTES + whole)


async def test_bytes_in_a_torn_write_that_look_like_a_later_header_prove_nothing() -> None:
    other = frames_of(4, first=90)[0]
    header = other[:HEADER_BYTES]
    for behind in range(len(other) - len(header)):  # with one more it would end where the file does
        tail = FRAMES[2][:-1] + b"?" + header + bytes(behind)
        end = find_end(disk(file_of(*FRAMES[:2], tail)), FOLDER, None)
        assert end is not None
        assert (end.last_lsn, end.torn_bytes) == (3, len(tail))


async def test_a_file_larger_than_any_of_a_log_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "wal"
    folder.mkdir()
    log = folder / FIRST.rpartition("/")[2]
    log.write_bytes(WHOLE)
    os.truncate(log, 256 << 30)
    files = CountingReads()
    with pytest.raises(CorruptionError, match="a file of a log has at most") as caught:
        find_end(files, str(folder), None)
    assert caught.value.offset == LARGEST_FILE_BYTES
    assert files.bytes_read < 1000
    with pytest.raises(CorruptionError, match="a file of a log has at most"):
        next(LogReader(files, str(folder)).frames(Lsn(1)))
    assert files.bytes_read < 1000


@given(st.binary(max_size=300))
def test_arbitrary_bytes_behind_a_header_are_damage_or_a_tail(data: bytes) -> None:
    end = find_end(disk(file_of(data)), FOLDER, None)
    assert end is not None
    assert end.torn_bytes == len(data)


@pytest.mark.parametrize(
    ("offset", "byte", "message"),
    [(8, 9, "format version 9; this program knows 3"), (12, 0x80, "format flags 0x80")],
)
async def test_a_newer_format_is_left_untouched(offset: int, byte: int, message: str) -> None:
    data = bytearray(WHOLE)
    data[offset] = byte
    if offset == 12:
        # Flags are covered by the checksum, other than the version, which says how to check.
        data[48:52] = zlib.crc32(data[:48]).to_bytes(4, "little")
    files = disk(bytes(data))
    with pytest.raises(UnsupportedVersion, match=message):
        async with opened(files):
            pass
    assert files.image() == {FIRST: bytes(data)}


async def test_another_stores_log_is_refused() -> None:
    files = disk(WHOLE)
    with pytest.raises(CorruptionError, match="another store"):
        async with opened(files, identity=b"another store 16"):
            pass
    other = file_of(
        *frames_of(1, first=7, identity=b"another store 16"), first=7, identity=b"another store 16"
    )
    with pytest.raises(CorruptionError, match="another store"):
        async with opened(disk(WHOLE, (7, other))):
            pass
    async with opened(files, identity=IDENTITY) as log:
        assert log.identity == IDENTITY


async def test_frames_of_another_store_are_not_taken_in() -> None:
    foreign = frames_of(1, first=7, identity=b"another store 16")[0]
    async with opened(disk(WHOLE + foreign)) as log:
        assert (log.durable_lsn, log.report.bytes_cut) == (6, len(foreign))


async def test_damage_in_an_older_file_is_found_when_it_is_read() -> None:
    older = bytearray(WHOLE)
    older[-1] ^= 1
    async with opened(disk(bytes(older), (7, file_of(*frames_of(1, first=7), first=7)))) as log:
        assert [record.lsn for record in log.read(7)] == [7]  # type: ignore[arg-type]
        with pytest.raises(CorruptionError, match="checksum"):
            list(log.read(log.first_lsn))


async def test_a_file_that_is_missing_between_two_is_found_when_it_is_read() -> None:
    async with opened(disk(WHOLE, (9, file_of(*frames_of(1, first=9), first=9)))) as log:
        with pytest.raises(CorruptionError, match="record 9 of the next file follows record 6"):
            list(log.read(log.first_lsn))


async def test_what_a_crash_left_unfinished_is_removed() -> None:
    files = disk(WHOLE)
    files.contents[f"{FOLDER}/00000000000000000007.wal.new"] = bytearray(b"AST")
    files.contents[f"{FIRST}.99.broken.new"] = bytearray(b"half")
    async with opened(files):
        assert list(files.image()) == [FIRST]


async def test_a_failing_disk_at_recovery_loses_nothing() -> None:
    for fault in Fault:
        for number in range(1, 30):
            memory = disk(WHOLE + b"torn")
            files = FaultyFiles(memory)
            files.arm(number, fault)
            try:
                async with opened(files):
                    pass
            except StorageError:
                assert memory.image()[FIRST].startswith(WHOLE)
            kept = memory.image()
            assert kept[FIRST] != WHOLE or kept[f"{FIRST}.{len(WHOLE)}.broken"] == b"torn"
            assert await stored(memory) == [1, 2, 3, 4, 5, 6]
            assert memory.image()[f"{FIRST}.{len(WHOLE)}.broken"] == b"torn"
            if not files.failed:
                break
        else:
            pytest.fail("recovery never came to its end")


async def test_a_torn_tail_on_a_full_disk_is_read_past_and_cut_once_there_is_room() -> None:
    """It could not be opened: there was no room for the copy that is kept of what is cut."""
    memory = disk(WHOLE + b"torn")
    files = FaultyFiles(memory)
    files.arm(1, Fault.SHORT_NO_SPACE, "create", "write", for_ever=True)
    async with opened(files) as log:
        assert [record.lsn for record in log.read(log.first_lsn)] == [1, 2, 3, 4, 5, 6]
        for change in (lambda: log.append([event(7)]), lambda: log.fence(9)):
            with pytest.raises(NoSpace):
                await change()
        assert memory.image() == {FIRST: WHOLE + b"torn"}
        files.disarm()
        assert await log.append([event(7)]) == 7
        assert memory.image()[f"{FIRST}.{len(WHOLE)}.broken"] == b"torn"
    assert await stored(memory) == [1, 2, 3, 4, 5, 6, 7]


async def test_recovery_makes_durable_what_it_found() -> None:
    """A killed process leaves its last frame in the kernel's memory, where a power cut loses it still."""
    files = FaultyFiles(disk(WHOLE))
    for kind in ("sync", "sync_dir"):
        files.arm(1, Fault.IO_ERROR, kind)
        with pytest.raises(StorageError):
            async with opened(files):
                pass
        assert files.failed == 1


async def test_an_empty_folder_begins_a_log_with_the_given_identity() -> None:
    files = MemoryFiles()
    async with opened(files, identity=IDENTITY) as log:
        assert (log.identity, log.first_lsn, log.durable_lsn) == (IDENTITY, 1, 0)
        assert list(log.read(log.first_lsn)) == []
    async with opened(MemoryFiles()) as other:
        assert other.identity != IDENTITY
