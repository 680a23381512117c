"""How much of the log is kept: never less than must be, never more than the bound and one file."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from asteroid_cloud.indexer import EngineOptions, FeedParts
from asteroid_cloud.wal.append import writer
from asteroid_cloud.wal.append.log import NOTHING, Retention
from asteroid_cloud.wal.append.retention import retained_from
from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.format.log_file import FILE_HEADER_BYTES
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import opened as engine_opened
from tests.support.engines import u64, vectors
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FOLDER, TIME_MS, disk, event, file_of, frames_of, opened

pytestmark = pytest.mark.anyio
DAY_MS = 86_400_000


@pytest.fixture
def files() -> MemoryFiles:
    """Records 1, 2 and 3, 4 and 5, in a file each, all logged at TIME_MS."""
    return disk(
        file_of(*frames_of(1)),
        (2, file_of(*frames_of(2, first=2), first=2)),
        (4, file_of(*frames_of(2, first=4), first=4)),
    )


@pytest.mark.parametrize(
    ("retention", "before", "now_ms", "kept"),
    [
        (NOTHING, 6, TIME_MS, 6),
        (NOTHING, 3, TIME_MS, 3),
        (Retention(bytes_max=10**6), 6, TIME_MS, 1),
        (Retention(bytes_max=0), 6, TIME_MS, 4),
        (Retention(bytes_max=0), 4, TIME_MS, 4),
        (Retention(bytes_max=0), 3, TIME_MS, 2),
        (Retention(bytes_max=0), 2, TIME_MS, 2),
        (Retention(age_ms_max=DAY_MS), 6, TIME_MS + DAY_MS, 1),
        (Retention(age_ms_max=DAY_MS), 6, TIME_MS + DAY_MS + 1, 6),
        (Retention(age_ms_max=DAY_MS), 3, TIME_MS + DAY_MS + 1, 2),
        (Retention(10**6, DAY_MS), 6, TIME_MS + DAY_MS + 1, 6),
        (Retention(0, DAY_MS), 6, TIME_MS, 4),
    ],
)
async def test_what_goes(
    files: MemoryFiles, retention: Retention, before: int, now_ms: int, kept: int
) -> None:
    async with opened(files) as log:
        found = retained_from(files, log.reader.extents()[1], Lsn(before), retention, now_ms, TIME_MS)
    assert found == kept
    assert found <= before


async def test_as_many_bytes_stay_as_fit(files: MemoryFiles) -> None:
    async with opened(files) as log:
        _, extents = log.reader.extents()
        two = extents[1].end + extents[2].end
        for bytes_max, kept in [(two - 1, 4), (two, 2), (two + extents[0].end, 1)]:
            assert retained_from(files, extents, Lsn(6), Retention(bytes_max), 0, 0) == kept


async def test_a_file_that_does_not_read_is_not_taken_for_old(files: MemoryFiles) -> None:
    async with opened(files) as log:
        _, extents = log.reader.extents()
        path = f"{FOLDER}/{2:020d}.wal"
        data = bytearray(files.read(path, 0, files.size(path)))
        data[FILE_HEADER_BYTES] ^= 1
        files.remove(path)
        files.create(path).write(bytes(data))
        retention, late_ms = Retention(age_ms_max=DAY_MS), TIME_MS + 2 * DAY_MS
        assert retained_from(files, extents, Lsn(6), retention, late_ms, late_ms) == 1


async def test_a_log_in_use_stays_within_its_bound_and_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOG_FILE_BYTES_MAX", 20_000)
    bound, frame = 100_000, 20_000
    options = EngineOptions(seal_rows=64, log_retention=Retention(bytes_max=bound))
    sizes = []
    async with engine_opened(tmp_path, options) as engine:
        await engine.create_index(64, "l2")
        for number in range(60):
            await engine.upsert(u64(*range(64)), vectors(64, 64, number), None)
            await engine.flush()
            sizes.append(engine.stats().log_bytes)
        with engine.changes(engine.applied_lsn - 4, FeedParts()) as feed:
            assert len(await feed.next()) == 4
    assert max(sizes) <= bound + 20_000 + frame
    assert min(sizes[30:]) > bound / 2, "it keeps what it may"


async def test_what_gets_too_old_goes_though_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = TIME_MS
    monkeypatch.setattr(Sequencer, "now_ms", staticmethod(lambda: now_ms))
    options = EngineOptions(log_retention=Retention(age_ms_max=400))
    async with engine_opened(tmp_path, options) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.flush()
        kept = engine.stats().log_bytes
        assert kept > FILE_HEADER_BYTES
        now_ms += 401
        with anyio.fail_after(30):
            while engine.stats().log_bytes > FILE_HEADER_BYTES:
                await anyio.sleep(0.02)


async def test_the_age_of_what_was_there_at_the_start_counts_from_then(tmp_path: Path) -> None:
    files = MemoryFiles()
    async with opened(files) as log:
        await log.append([event(1)])
    async with opened(files) as log:
        assert await log.trim(Lsn(2), Retention(age_ms_max=DAY_MS)) == 0
        assert log.first_lsn == 1
