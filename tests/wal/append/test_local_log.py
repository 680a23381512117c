"""The log as a whole: reading, following, and what is left after trimming."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from asteroid_cloud.wal import Files, LocalFiles, LocalLog, Log, Record
from asteroid_cloud.wal.append.follower import CATCH_UP_RECORDS
from asteroid_cloud.wal.append.local_log import LogBuffers
from asteroid_cloud.wal.errors import LogPruned, StorageError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import MemoryFiles, WatchedFiles
from tests.support.logs import event, ids, opened

pytestmark = pytest.mark.anyio


class ReadCountingFiles(WatchedFiles):
    """Counts reads, and notes what is to be forgotten."""

    reads = 0

    def __init__(self, inner: Files) -> None:
        super().__init__(inner)
        self.forgotten: list[str] = []

    def forget(self, path: str) -> None:
        """Notes it."""
        super().forget(path)
        self.forgotten.append(path)

    def watch(self, kind: str, path: str, write_part: object) -> None:
        """Changes are not counted."""

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Counts and reads."""
        self.reads += 1
        return super().read(path, offset, length)


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame gets a file of its own."""
    monkeypatch.setattr("asteroid_cloud.wal.append.writer.LOG_FILE_BYTES_MAX", FILE_HEADER_BYTES + 1)


async def fill(log: Log, first: int, last: int, *, together: int = 1) -> None:
    """Appends events ``first`` … ``last``."""
    for start in range(first, last + 1, together):
        await log.append([event(number) for number in range(start, min(start + together, last + 1))])


async def take(tail: AsyncIterator[list[Record]], last: int) -> list[Record]:
    """What a follower gets, up to LSN ``last``."""
    got: list[Record] = []
    while not got or got[-1].lsn < last:
        async with asyncio.timeout(30):
            got += await anext(tail)
    return got


async def test_a_log_on_disk_opens_again(tmp_path: Path) -> None:
    folder = f"{tmp_path}/wal"
    log = await LocalLog.open(LocalFiles(), folder)
    await fill(log, 1, 5, together=2)
    await log.close()
    again = await LocalLog.open(LocalFiles(), folder, identity=log.identity)
    assert (again.first_lsn, again.durable_lsn, again.report.bytes_cut) == (1, 5, 0)
    assert again.size_bytes == log.size_bytes == sum(path.stat().st_size for path in Path(folder).iterdir())
    assert await again.append([event(6)]) == 6
    assert ids(list(again.read(Lsn(1)))) == [1, 2, 3, 4, 5, 6]
    await again.close()


@pytest.mark.usefixtures("small_files")
async def test_every_range_is_read_exactly() -> None:
    async with opened(MemoryFiles()) as log:
        await fill(log, 1, 9, together=3)
        for first in range(1, 12):
            assert ids(list(log.read(Lsn(first)))) == list(range(first, 10))
            for last in range(12):
                assert ids(list(log.read(Lsn(first), Lsn(last)))) == list(range(first, min(last, 9) + 1))


async def test_a_read_ends_at_what_was_durable_when_it_began() -> None:
    async with opened(MemoryFiles()) as log:
        await fill(log, 1, 2)
        reading = log.read(Lsn(1))
        assert next(reading).lsn == 1
        await fill(log, 3, 4)
        assert ids(list(reading)) == [2]


@pytest.mark.usefixtures("small_files")
async def test_pruned_records_are_said_to_be_pruned() -> None:
    async with opened(MemoryFiles()) as log:
        await fill(log, 1, 4)
        late = log.read(Lsn(2))
        await log.trim(Lsn(4))
        with pytest.raises(LogPruned, match="record 3 is gone; the log begins with 4"):
            log.read(Lsn(3))
        with pytest.raises(LogPruned, match="was trimmed while the log was read"):
            list(late)
        tail = log.tail(Lsn(1))
        with pytest.raises(LogPruned):
            await anext(tail)
        assert ids(list(log.read(Lsn(4)))) == [4]


async def test_a_disk_that_cannot_be_read_is_no_pruned_log() -> None:
    memory = MemoryFiles()
    async with opened(memory) as log:
        await fill(log, 1, 1)
        image, memory.contents = memory.contents, {}
        with pytest.raises(StorageError) as caught:
            list(log.read(Lsn(1)))
        assert type(caught.value) is StorageError
        memory.contents = image


@pytest.mark.usefixtures("small_files")
async def test_a_follower_catches_up_from_disk_and_goes_on_live() -> None:
    async with opened(MemoryFiles()) as log:
        await fill(log, 1, 2 * CATCH_UP_RECORDS + 5, together=7)
        last = log.durable_lsn
        tail = log.tail(Lsn(3))
        assert ids(await take(tail, last)) == list(range(3, last + 1))
        await fill(log, last + 1, last + 3)
        assert ids(await take(tail, last + 3)) == [last + 1, last + 2, last + 3]


async def test_live_records_come_from_memory() -> None:
    files = ReadCountingFiles(MemoryFiles())
    async with opened(files) as log:
        tail = log.tail(Lsn(1))
        waiting = asyncio.ensure_future(anext(tail))
        await asyncio.sleep(0)
        before = files.reads
        await fill(log, 1, 3, together=3)
        assert ids(await waiting) == [1, 2, 3]
        await fill(log, 4, 9, together=2)
        assert ids(await take(tail, 9)) == [4, 5, 6, 7, 8, 9]
        assert files.reads == before


async def test_a_slow_follower_falls_back_to_the_disk() -> None:
    files = ReadCountingFiles(MemoryFiles())
    async with opened(files, buffers=lambda: LogBuffers(follower_bytes_max=200)) as log:
        tail = log.tail(Lsn(1))
        waiting = asyncio.ensure_future(anext(tail))
        await asyncio.sleep(0)
        await fill(log, 1, 40)
        got = [*await waiting, *await take(tail, 40)]
        assert ids(got) == list(range(1, 41))
        assert files.reads > 0
        reads = files.reads
        await fill(log, 41, 43)
        assert 0 < log.buffer_bytes < 200
        assert ids(await take(tail, 43)) == [41, 42, 43]
        assert (files.reads, log.buffer_bytes) == (reads, 0)


async def test_what_was_read_back_is_forgotten_from_its_first_record_on() -> None:
    files = ReadCountingFiles(MemoryFiles())
    async with opened(files) as log:
        for lsn in range(1, 4):
            await log.append([event(lsn)])
            await log.rotate()
        names = [extent.path for extent in log.reader.extents()[1]]
        assert len(names) == 4
        log.forget(Lsn(3))
        assert files.forgotten == names[2:], "what comes before was not read"
        assert ids(list(log.read(Lsn(1)))) == [1, 2, 3]


async def test_followers_keep_their_own_pace_and_see_one_order() -> None:
    async with opened(MemoryFiles()) as log:

        async def follow(first: int) -> list[Record]:
            return await take(log.tail(Lsn(first)), 60)

        followers = [asyncio.create_task(follow(first)) for first in (1, 1, 20, 60)]
        await asyncio.gather(*(log.append([event(0)]) for _ in range(60)))
        for follower, first in zip(followers, (1, 1, 20, 60), strict=True):
            got = await follower
            assert got[0].lsn == first
            assert all(after.lsn == before.lsn + 1 for before, after in pairwise(got))


async def test_a_follower_that_leaves_is_forgotten() -> None:
    async with opened(MemoryFiles()) as log:
        tail = log.tail(Lsn(1))
        waiting = asyncio.ensure_future(anext(tail))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert log.followers.count == 0
        assert await log.append([event(1)]) == 1
