"""Group commit: many appends, one frame and one fsync; each gets its own answer."""

from __future__ import annotations

import asyncio
import threading

import pytest

from asteroid_cloud.wal import LocalLog
from asteroid_cloud.wal.append.group_commit import GroupCommitter, PendingAppend
from asteroid_cloud.wal.errors import Conflict, NoSpace, StorageError, TooLarge
from asteroid_cloud.wal.format.body import body_size
from asteroid_cloud.wal.format.events import encode_event
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import CountingFiles, Fault, FaultyFiles, MemoryFiles, WatchedFiles
from tests.support.log_probe import queue_length, replace_writer_lock
from tests.support.logs import event, ids, opened, stored

pytestmark = pytest.mark.anyio


class GatedFiles(WatchedFiles):
    """Syncs wait at a gate, so that a test says when a commit ends."""

    def __init__(self, inner: MemoryFiles) -> None:
        super().__init__(inner)
        self.open = threading.Event()
        self.reached = threading.Event()
        self.open.set()

    def watch(self, kind: str, path: str, write_part: object) -> None:
        """Holds syncs up while the gate is closed."""
        if kind == "sync":
            self.reached.set()
            assert self.open.wait(30)

    def shut(self) -> None:
        """Holds up the next sync."""
        self.reached.clear()
        self.open.clear()

    async def until_reached(self) -> None:
        """Returns when a sync waits at the gate."""
        assert await asyncio.to_thread(self.reached.wait, 30)


async def test_appends_that_wait_together_share_a_sync() -> None:
    files = CountingFiles(MemoryFiles())
    async with opened(files) as log:
        before = files.counts["sync"]
        lsns = await asyncio.gather(*(log.append([event(number)]) for number in range(1, 65)))
        assert lsns == list(range(1, 65))
        # All are queued before the committer's task first runs.
        assert files.counts["sync"] - before == 1
        assert ids(list(log.read(log.first_lsn))) == list(range(1, 65))


async def test_what_comes_during_a_sync_waits_for_the_next() -> None:
    gate = GatedFiles(MemoryFiles())
    files = CountingFiles(gate)
    async with opened(files) as log:
        gate.shut()
        before = files.counts["sync"]
        first = asyncio.create_task(log.append([event(1)]))
        await gate.until_reached()
        others = [asyncio.create_task(log.append([event(number)])) for number in range(2, 65)]
        await asyncio.sleep(0)
        assert not first.done()
        assert log.durable_lsn == 0
        gate.open.set()
        assert await asyncio.gather(first, *others) == list(range(1, 65))
        assert files.counts["sync"] - before == 2


async def test_a_cancelled_waiter_loses_and_tears_nothing() -> None:
    memory = MemoryFiles()
    gate = GatedFiles(memory)
    async with opened(gate) as log:
        gate.shut()
        under_way = asyncio.create_task(log.append([event(1), event(2)]))
        await gate.until_reached()
        queued = asyncio.create_task(log.append([event(3)]))
        kept = asyncio.create_task(log.append([event(4)]))
        await asyncio.sleep(0)
        under_way.cancel()
        queued.cancel()
        gate.open.set()
        assert await kept == 4
        for task in (under_way, queued):
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await log.append([event(5)]) == 5
    assert await stored(memory) == [1, 2, 3, 4, 5]


async def test_a_cancelled_trim_and_an_append_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryFiles()
    gate = GatedFiles(memory)
    async with opened(gate) as log:
        lock = NotedLock()
        replace_writer_lock(monkeypatch, log, lock)
        await log.append([event(1)])
        gate.shut()
        trim = asyncio.create_task(log.trim(Lsn(2)))
        await gate.until_reached()
        trim.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trim
        lock.asked.clear()
        append = asyncio.create_task(log.append([event(2)]))
        assert await asyncio.to_thread(lock.asked.wait, 10)
        gate.open.set()
        assert await append == 2
    assert await stored(memory) == [2]


class NotedLock:
    """A lock that tells when somebody comes for it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self.asked.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


async def test_expected_lsn_is_judged_in_the_order_of_the_queue() -> None:
    async with opened(MemoryFiles()) as log:
        results = await asyncio.gather(
            log.append([event(1), event(2)], expected_lsn=Lsn(0)),
            log.append([event(3)], expected_lsn=Lsn(0)),
            log.append([event(3)], expected_lsn=Lsn(2)),
            log.append([event(4)]),
            return_exceptions=True,
        )
        assert [results[0], *results[2:]] == [2, 3, 4]
        assert isinstance(results[1], Conflict)
        assert (results[1].code, results[1].details) == ("lsn_mismatch", {"lsn": 2})
        assert ids(list(log.read(log.first_lsn))) == [1, 2, 3, 4]


async def test_a_group_that_fails_fails_for_each_and_the_next_goes_on() -> None:
    files = FaultyFiles(MemoryFiles())
    async with opened(files) as log:
        files.arm(1, Fault.SHORT_NO_SPACE, "write")
        results = await asyncio.gather(*(log.append([event(1)]) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [NoSpace] * 3
        assert await log.append([event(1)]) == 1


async def test_an_append_over_the_frames_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.append.group_commit.FRAME_BODY_BYTES_MAX", 100)
    async with opened(MemoryFiles()) as log:
        with pytest.raises(TooLarge, match="more than the 100"):
            await log.append([event(1, size=100)])
        assert await log.append([event(1, size=10)]) == 1


async def test_groups_are_bounded_and_a_full_queue_makes_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.append.group_commit.COMMIT_GROUP_BYTES_MAX", 100)
    monkeypatch.setattr("asteroid_cloud.wal.append.group_commit.COMMIT_QUEUE_EVENTS_MAX", 5)
    groups: list[int] = []
    longest = 0

    async def commit(group: list[PendingAppend]) -> None:
        nonlocal longest
        longest = max(longest, queue_length(committer) + len(group))
        groups.append(sum(pending.size for pending in group))
        await asyncio.sleep(0)
        for pending in group:
            pending.done.set_result(Lsn(len(groups)))

    committer = GroupCommitter(commit)
    await asyncio.gather(*(committer.append([event(number)], None) for number in range(50)))
    await committer.settle()
    assert max(groups) <= 100
    assert len(groups) > 50 // 10
    assert longest <= 5


async def test_bytes_queued_or_under_way_are_bounded_by_one_append_more() -> None:
    most, size = 0, body_size([encode_event(event(0))])

    async def commit(group: list[PendingAppend]) -> None:
        nonlocal most
        await asyncio.sleep(0)
        most = max(most, committer.buffered_bytes)
        for pending in group:
            pending.done.set_result(Lsn(1))

    committer = GroupCommitter(commit, lambda: 10 * size)
    await asyncio.gather(*(committer.append([event(0)], None) for _ in range(50)))
    await committer.settle()
    assert 2 * 9 * size <= most <= 2 * 11 * size
    assert committer.buffered_bytes == 0


async def test_nobody_waits_for_ever_after_a_bug() -> None:
    async def commit(_: list[PendingAppend]) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("a bug")

    # asyncio reports the bug when the committer's task is collected, which is not what is tested here.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    committer = GroupCommitter(commit)
    results = await asyncio.gather(
        *(committer.append([event(number)], None) for number in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [StorageError] * 3
    await committer.settle()


async def test_too_little_memory_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(MemoryFiles()) as log:

        def fail(*_: object) -> bytes:
            raise MemoryError

        monkeypatch.setattr("asteroid_cloud.wal.append.writer.encode_frame", fail)
        with pytest.raises(StorageError, match="not enough memory"):
            await log.append([event(1)])
        monkeypatch.undo()
        assert await log.append([event(1)]) == 1


async def test_nothing_to_append_is_no_write() -> None:
    files = CountingFiles(MemoryFiles())
    async with opened(files) as log:
        before = files.counts.copy()
        assert await log.append([]) == 0
        assert files.counts == before


async def test_closing_waits_for_appends_under_way() -> None:
    memory = MemoryFiles()
    gate = GatedFiles(memory)
    log = await LocalLog.open(gate, "data/wal")
    gate.shut()
    append = asyncio.create_task(log.append([event(1)]))
    await gate.until_reached()
    close = asyncio.create_task(log.close())
    await asyncio.sleep(0)
    gate.open.set()
    await close
    assert await append == 1
    with pytest.raises(StorageError):
        await log.append([event(2)])
    assert await stored(memory) == [1]
