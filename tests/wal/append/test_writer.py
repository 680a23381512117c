"""What a failing disk does to the log: undone, or poisoned, never torn and never a lie."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal import LocalLog
from asteroid_cloud.wal.errors import AsteroidError, Conflict, NoSpace, Poisoned, StorageError
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import FIRST, FOLDER, event, opened, stored

pytestmark = pytest.mark.anyio


@pytest.fixture
def files() -> FaultyFiles:
    """A disk that can fail."""
    return FaultyFiles(MemoryFiles())


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame gets a file of its own."""
    monkeypatch.setattr("asteroid_cloud.wal.append.writer.LOG_FILE_BYTES_MAX", FILE_HEADER_BYTES + 1)


def names(files: FaultyFiles) -> list[str]:
    """The log's folder, sorted."""
    return sorted(files.list(FOLDER))


async def test_a_failed_sync_poisons_for_good(files: FaultyFiles) -> None:
    async with opened(files) as log:
        await log.append([event(1)])
        files.arm(1, Fault.IO_ERROR, "sync")
        for _ in range(3):
            with pytest.raises(Poisoned, match="could not be synced"):
                await log.append([event(2)])
        assert files.failed == 1
        assert isinstance(log.poisoned, Poisoned)
        assert log.durable_lsn == 1
        assert [record.lsn for record in log.read(Lsn(1))] == [1]
        assert await log.trim(Lsn(2)) == 0
        with pytest.raises(Poisoned):
            await log.fence(5)
    # The write itself may have arrived, and nobody was told that it had not.
    assert await stored(files) in ([1], [1, 2])


@pytest.mark.parametrize("fault", Fault)
async def test_a_failed_write_is_undone_and_the_log_goes_on(files: FaultyFiles, fault: Fault) -> None:
    async with opened(files) as log:
        await log.append([event(1)])
        before = files.inner.read(FIRST, 0, 10_000)
        files.arm(1, fault, "write", for_ever=True)
        for _ in range(3):
            with pytest.raises(StorageError) as caught:
                await log.append([event(2), event(3)])
            assert isinstance(caught.value, NoSpace) == (fault in (Fault.NO_SPACE, Fault.SHORT_NO_SPACE))
            assert not isinstance(caught.value, Poisoned)
            assert files.inner.read(FIRST, 0, 10_000) == before
        files.disarm()
        assert (log.poisoned, log.durable_lsn) == (None, 1)
        assert await log.append([event(2)]) == 2
    assert await stored(files) == [1, 2]


@pytest.mark.parametrize("step", ["truncate", "sync"])
async def test_a_write_that_cannot_be_undone_durably_poisons(files: FaultyFiles, step: str) -> None:
    async with opened(files) as log:
        await log.append([event(1)])
        files.arm(1, Fault.SHORT_IO_ERROR, "write", step, for_ever=True)
        with pytest.raises(Poisoned, match="could not be undone"):
            await log.append([event(2)])
        files.disarm()
        with pytest.raises(Poisoned):
            await log.append([event(2)])
    assert await stored(files) == [1]


@pytest.mark.usefixtures("small_files")
async def test_a_full_disk_at_rotation_leaves_the_log_as_it_was(files: FaultyFiles) -> None:
    async with opened(files) as log:
        await log.append([event(1)])
        before = names(files)
        for kind in ("create", "write", "rename"):
            files.arm(1, Fault.NO_SPACE, kind)
            with pytest.raises(NoSpace):
                await log.append([event(2)])
            assert files.failed == 1
            assert names(files) == before
        assert await log.append([event(2)]) == 2
    assert await stored(files) == [1, 2]


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("for_ever", [False, True])
async def test_whatever_fails_no_acknowledged_event_is_lost(fault: Fault, for_ever: bool) -> None:
    """Fails operation 1, then 2, … of a run with rotation, trimming and fencing, until none fails."""
    for number in range(1, 200):
        files = FaultyFiles(MemoryFiles())
        acknowledged = trimmed = 0
        log = await LocalLog.open(files, FOLDER)
        files.arm(number, fault, for_ever=for_ever)
        for step in range(1, 8):
            after_poison = log.poisoned is not None
            try:
                if step == 4:
                    trimmed = 2
                    await log.trim(Lsn(3))
                elif step == 5:
                    await log.fence(1)
                    await log.close()
                    log = await LocalLog.open(files, FOLDER)
                else:
                    acknowledged = await log.append([event(log.durable_lsn + 1)])
                    assert not after_poison
            except AsteroidError:
                continue
        await log.close()
        files.disarm()
        found = await stored(files)
        assert found == list(range(found[0], found[-1] + 1)) if found else acknowledged == 0
        if acknowledged:
            assert found[-1] in (acknowledged, acknowledged + 1)
            assert found[0] <= trimmed + 1
        if not files.failed:
            assert (acknowledged, found[0]) == (5, 3)
            return
    pytest.fail("the run never came to its end")


@pytest.mark.usefixtures("small_files")
async def test_a_folder_that_cannot_be_synced_poisons(files: FaultyFiles) -> None:
    """The new file may be there after a crash or not, so nothing more may go into the old one."""
    async with opened(files) as log:
        await log.append([event(1)])
        files.arm(1, Fault.IO_ERROR, "sync_dir")
        with pytest.raises(Poisoned):
            await log.append([event(2)])
        with pytest.raises(Poisoned):
            await log.append([event(2)])
    assert await stored(files) == [1]


@pytest.mark.usefixtures("small_files")
async def test_files_rotate_and_stay_dense(files: FaultyFiles) -> None:
    async with opened(files) as log:
        for lsn in range(1, 5):
            await log.append([event(lsn)])
        assert names(files) == [f"{lsn:020d}.wal" for lsn in range(1, 5)]
        assert log.size_bytes == sum(files.size(f"{FOLDER}/{name}") for name in names(files))
    assert await stored(files) == [1, 2, 3, 4]


@pytest.mark.usefixtures("small_files")
async def test_trim_drops_whole_files_only(files: FaultyFiles) -> None:
    async with opened(files) as log:
        for lsn in (1, 3, 5):
            await log.append([event(lsn), event(lsn + 1)])
        size = log.size_bytes
        assert await log.trim(Lsn(2)) == 0
        freed = await log.trim(Lsn(4))
        assert (log.first_lsn, log.size_bytes) == (3, size - freed)
        assert freed > 0
        await log.trim(Lsn(7))
        assert (log.first_lsn, log.durable_lsn, log.size_bytes) == (7, 6, FILE_HEADER_BYTES)
        assert await log.trim(Lsn(7)) == 0
        assert await log.append([event(7)]) == 7
    assert await stored(files) == [7]


@pytest.mark.usefixtures("small_files")
async def test_an_empty_log_remembers_where_it_was(files: FaultyFiles) -> None:
    async with opened(files) as log:
        identity = log.identity
        await log.append([event(1), event(2)])
        await log.trim(Lsn(3))
    async with opened(files, identity=identity) as log:
        assert (log.first_lsn, log.durable_lsn, log.identity) == (3, 2, identity)
        await log.fence(4)
    async with opened(files) as log:
        assert (log.first_lsn, log.durable_lsn, log.identity) == (3, 2, identity)


@pytest.mark.usefixtures("small_files")
async def test_trim_frees_space_on_a_full_disk(files: FaultyFiles) -> None:
    async with opened(files) as log:
        for lsn in (1, 2, 3):
            await log.append([event(lsn)])
        files.arm(1, Fault.NO_SPACE, "create", "write", for_ever=True)
        with pytest.raises(NoSpace):
            await log.trim(Lsn(4))
        assert names(files) == [f"{3:020d}.wal"]
        assert log.first_lsn == 3


@pytest.mark.usefixtures("small_files")
async def test_a_trim_that_fails_half_way_can_be_done_again(files: FaultyFiles) -> None:
    async with opened(files) as log:
        for lsn in (1, 2, 3):
            await log.append([event(lsn)])
        files.arm(2, Fault.IO_ERROR, "remove")
        with pytest.raises(StorageError):
            await log.trim(Lsn(3))
        assert log.first_lsn == 2
        assert await log.trim(Lsn(3)) > 0
    assert await stored(files) == [3]


@pytest.mark.parametrize("events", [0, 2])
async def test_a_fence_shuts_older_writers_out_durably(files: FaultyFiles, events: int) -> None:
    async with opened(files) as log:
        await log.append([event(number) for number in range(1, events + 1)])
        await log.fence(7)
        await log.fence(3)
        with pytest.raises(Conflict) as caught:
            await log.append([event(9)])
        assert caught.value.code == "fenced"
    async with opened(files, epoch=6) as older:
        with pytest.raises(Conflict):
            await older.append([event(9)])
    async with opened(files, epoch=7) as newer:
        assert await newer.append([event(events + 1)]) == events + 1
    assert await stored(files) == list(range(1, events + 2))


async def test_a_fence_that_fails_changes_nothing(files: FaultyFiles) -> None:
    async with opened(files) as log:
        await log.append([event(1)])
        files.arm(1, Fault.NO_SPACE, "write")
        with pytest.raises(NoSpace):
            await log.fence(7)
        assert await log.append([event(2)]) == 2
    assert await stored(files) == [1, 2]
