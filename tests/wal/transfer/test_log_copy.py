"""Copies of a stretch of a log: exact, whole or not at all, from logs in any state."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.errors import Conflict, CorruptionError, InvalidRequest, LogPruned, NoSpace, NotFound
from asteroid_cloud.wal.format.log_file import file_name
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_folder import log_files, read_file_header
from asteroid_cloud.wal.transfer.log_copy import LogSource, copy_log
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, TIME_MS, disk, file_of, frames_of, ids, opened

pytestmark = pytest.mark.anyio
TARGET = "copy/wal"


@pytest.fixture
def files() -> MemoryFiles:
    """Records 1 to 9 in frames of 2, 1, 3 and 3, in two files."""
    return disk(file_of(*frames_of(2, 1)), (4, file_of(*frames_of(3, 3, first=4), first=4)))


async def copied(files: MemoryFiles, first: int, last: int) -> list[int]:
    """The ids of a copy, which are its LSNs."""
    source = LogSource(files, [FOLDER])
    copy_log(files, source, TARGET, from_lsn=Lsn(first), until_lsn=Lsn(last), epoch=5)
    only = MemoryFiles(
        {path.replace("copy/", "data/"): data for path, data in files.image().items() if "copy" in path}
    )
    async with opened(only) as log:
        assert (log.first_lsn, log.durable_lsn, log.identity) == (first, last, IDENTITY)
        records = list(log.read(Lsn(first)))
        assert {record.time_ms for record in records} <= {TIME_MS}
    assert read_file_header(only, log_files(only, FOLDER)[-1][1]).epoch == 5
    return ids(records)


@pytest.mark.parametrize("first", range(1, 10))
@pytest.mark.parametrize("last", range(10))
async def test_every_stretch(files: MemoryFiles, first: int, last: int) -> None:
    last = max(last, first - 1)
    before = files.image()
    assert await copied(files, first, last) == list(range(first, last + 1))
    assert {path: data for path, data in files.image().items() if "copy" not in path} == before


async def test_a_long_copy_is_cut_into_files(files: MemoryFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.transfer.log_copy.LOG_FILE_BYTES_MAX", 57)
    assert await copied(files, 2, 9) == list(range(2, 10))
    assert [first for first, _ in log_files(files, TARGET)] == [2, 3, 4, 7]


async def test_what_cannot_be_copied_leaves_nothing(files: MemoryFiles) -> None:
    source = LogSource(files, [FOLDER])
    with pytest.raises(InvalidRequest, match="ends with record 9") as beyond:
        copy_log(files, source, TARGET, from_lsn=Lsn(1), until_lsn=Lsn(10), epoch=0)
    assert beyond.value.code == "bad_point"
    files.remove(FIRST)
    with pytest.raises(LogPruned, match="record 1 is gone; the log begins with 4"):
        copy_log(files, LogSource(files, [FOLDER]), TARGET, from_lsn=Lsn(1), until_lsn=Lsn(9), epoch=0)
    assert files.list(TARGET) == []
    copy_log(files, LogSource(files, [FOLDER]), TARGET, from_lsn=Lsn(4), until_lsn=Lsn(9), epoch=0)
    with pytest.raises(Conflict) as there:
        copy_log(files, LogSource(files, [FOLDER]), TARGET, from_lsn=Lsn(4), until_lsn=Lsn(9), epoch=0)
    assert there.value.code == "not_empty"
    with pytest.raises(NotFound):
        LogSource(files, ["nowhere"])


async def test_damage_is_told_and_a_torn_tail_is_where_the_log_ends(files: MemoryFiles) -> None:
    second = files.contents[f"{FOLDER}/{file_name(Lsn(4))}"]
    del second[-1:]
    assert await copied(files, 1, 6) == list(range(1, 7))
    files.contents[FIRST][70] ^= 1
    with pytest.raises(CorruptionError):
        list(LogSource(files, [FOLDER]).records(Lsn(1)))
    assert [record.lsn for record in LogSource(files, [FOLDER]).records(Lsn(4))] == [4, 5, 6]


async def test_one_folder_goes_on_where_another_ends() -> None:
    files = disk(file_of(*frames_of(3, 1)))
    files.make_dirs("other/wal")
    files.contents["other/wal/" + file_name(Lsn(3))] = bytearray(file_of(*frames_of(1, 4, first=3), first=3))
    source = LogSource(files, [FOLDER, "other/wal"])
    assert [record.lsn for record in source.records(Lsn(2))] == list(range(2, 8))
    assert source.first_lsn == 1
    files.contents["other/wal/" + file_name(Lsn(3))] = bytearray(
        file_of(*frames_of(1, 4, first=3), first=3, epoch=1)
    )
    with pytest.raises(Conflict, match="taken back") as left:
        LogSource(files, [FOLDER, "other/wal"])
    assert left.value.code == "another_store"
    foreign = bytes(16)
    files.contents["other/wal/" + file_name(Lsn(3))] = bytearray(
        file_of(*frames_of(1, first=3, identity=foreign), first=3, identity=foreign)
    )
    with pytest.raises(Conflict, match="another store"):
        LogSource(files, [FOLDER, "other/wal"])


async def test_a_moment_is_found_by_the_writers_clock(files: MemoryFiles) -> None:
    source = LogSource(files, [FOLDER])
    assert source.newest_before(TIME_MS) == 9
    assert source.newest_before(TIME_MS - 1) == 0
    files.remove(FIRST)
    with pytest.raises(LogPruned, match="younger"):
        LogSource(files, [FOLDER]).newest_before(TIME_MS - 1)


async def test_a_disk_that_fails_leaves_nothing_that_passes_for_a_log(files: MemoryFiles) -> None:
    faulty = FaultyFiles(files)
    for at in range(1, 50):
        faulty.arm(at, Fault.NO_SPACE, "create", "write", "sync", "rename")
        try:
            copy_log(faulty, LogSource(faulty, [FOLDER]), TARGET, from_lsn=Lsn(2), until_lsn=Lsn(8), epoch=0)
            break
        except NoSpace:
            assert log_files(files, TARGET) == []
    else:
        raise AssertionError("it never came through")
    assert at > 4
