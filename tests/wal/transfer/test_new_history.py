"""A history begins as a whole or not at all, and exports and imports go through it."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal import LocalLog
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, StorageError
from asteroid_cloud.wal.histories import Jump
from asteroid_cloud.wal.lsn import HISTORY_LSNS, Lsn
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.transfer.log_copy import LogSource, copy_log
from asteroid_cloud.wal.transfer.log_export import export_log, import_log
from asteroid_cloud.wal.transfer.new_history import NewHistory, begin_history
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FOLDER, IDENTITY, disk, event, file_of, frames_of

pytestmark = pytest.mark.anyio
STORE = b"another name 16b"
FRAMES = frames_of(3, 2)
JUMP = Jump(Lsn(5), Lsn(HISTORY_LSNS))


async def with_history(tail: bytes = b"") -> MemoryFiles:
    """Records 1 to 5, a history, and two records of it."""
    files = disk(file_of(*FRAMES, tail))
    files.make_dirs("")
    begin_history(files, FOLDER, STORE)
    log = await LocalLog.open(files, FOLDER)
    assert await log.append([event(6), event(7)]) == HISTORY_LSNS + 2
    await log.close()
    return files


def lsns(files: MemoryFiles, folder: str = FOLDER, first: int = 1) -> list[int]:
    assert not LogReader(files, folder).check(bodies=True).damage
    return [record.lsn for record in LogReader(files, folder).read(Lsn(first))]


ALL = [1, 2, 3, 4, 5, HISTORY_LSNS, HISTORY_LSNS + 1, HISTORY_LSNS + 2]


async def test_a_torn_tail_is_cut_and_the_history_follows_what_is_whole() -> None:
    files = await with_history(b"torn")
    assert lsns(files) == ALL
    assert LogReader(files, FOLDER).jumps == (JUMP,)
    assert lsns(files, first=6) == ALL[5:], "a reader behind record 5 goes on with the history"
    begin_history(files, FOLDER, STORE, highest=Lsn(7 * HISTORY_LSNS))
    assert lsns(files) == [*ALL, 8 * HISTORY_LSNS]


@pytest.mark.parametrize("fault", [Fault.IO_ERROR, Fault.NO_SPACE])
def test_whatever_fails_it_begins_whole_or_not_at_all(fault: Fault) -> None:
    for at in range(1, 60):
        files = FaultyFiles(disk(file_of(*FRAMES, b"torn")))
        files.arm(at, fault, for_ever=True)
        try:
            begin_history(files, FOLDER, STORE)
        except StorageError:
            files.disarm()
            assert [record.lsn for record in LogReader(files, FOLDER).read(Lsn(1))] in (ALL[:5], ALL[:6])
            continue
        break
    else:
        raise AssertionError("it never came through")
    assert at > 5


async def test_an_export_takes_the_histories_along() -> None:
    files = await with_history()
    done = export_log(files, FOLDER, "data/all")
    assert (done.first_lsn, done.last_lsn, done.records) == (1, HISTORY_LSNS + 2, 8)
    assert import_log(files, "data/all", "new") == done
    assert lsns(files, "new/wal") == ALL
    assert LogReader(files, "new/wal").jumps == (JUMP,)
    with pytest.raises(Conflict):
        import_log(files, "data/all", "new")


async def test_an_export_of_the_history_goes_on_where_another_store_ends() -> None:
    files = await with_history()
    export_log(files, FOLDER, "data/first", until_lsn=Lsn(4))
    for number, first in enumerate((6, HISTORY_LSNS)):
        part = f"data/part{number}"
        assert export_log(files, FOLDER, part, Lsn(first)).first_lsn == 6
        target = disk(file_of(*FRAMES))
        target.contents[part] = files.contents[part]
        import_log(target, part, "data")
        assert lsns(target) == ALL
        other = disk(file_of(*frames_of(3, 1)))
        other.contents[part] = files.contents[part]
        with pytest.raises(Conflict) as refused:
            import_log(other, part, "data")
        assert refused.value.code == "lsn_mismatch"
    for first in (7, HISTORY_LSNS - 1):
        with pytest.raises(InvalidRequest, match="record 5 is followed by record"):
            export_log(files, FOLDER, "data/none", Lsn(first))
    with pytest.raises(AsteroidError):
        export_log(files, FOLDER, "data/none", until_lsn=Lsn(9))
    assert "data/none" not in files.image()


async def test_a_copy_goes_through_the_histories_and_begins_one() -> None:
    files = await with_history()
    source = LogSource(files, [FOLDER])
    for until, expected in ((3, ALL[:3]), (5, ALL[:5]), (HISTORY_LSNS, ALL[:6]), (HISTORY_LSNS + 2, ALL)):
        new = NewHistory.above(Lsn(HISTORY_LSNS + 2), source.epoch, STORE)
        target = f"data/copy{until}"
        copy_log(files, source, target, from_lsn=Lsn(1), until_lsn=Lsn(until), epoch=new.epoch, history=new)
        assert lsns(files, target) == [*expected, 2 * HISTORY_LSNS]
        assert LogReader(files, target).header.epoch > source.epoch
        assert LogReader(files, target).identity == IDENTITY
        assert source.count(Lsn(0), Lsn(until)) == len(expected)
