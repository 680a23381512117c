"""How long syncs take is counted, and a slow one is logged."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.append import LogSyncs
from asteroid_cloud.wal.append.sync_times import SYNC_BUCKETS_S, SyncTimes
from asteroid_cloud.wal.errors import Poisoned
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.logs import event, opened


def test_a_sync_counts_in_the_class_of_its_time() -> None:
    times = SyncTimes()
    assert times.report == LogSyncs()
    for seconds in (0.0, 0.0001, 0.0002, 0.5, 0.75):
        times.observe("wal/1.wal", seconds)
    report = times.report
    counted = dict(zip((*SYNC_BUCKETS_S, None), report.counts, strict=True))
    assert {bound: count for bound, count in counted.items() if count} == {
        0.0001: 2,
        0.00025: 1,
        0.5: 1,
        1.0: 1,
    }
    assert (report.total_s, report.longest_s) == (pytest.approx(1.2503), 0.75)
    times.observe("wal/1.wal", 11.0)
    assert times.report.counts[-1] == 1
    assert report.counts[-1] == 0, "a report stays as it is"


def test_a_slow_sync_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    times = SyncTimes(0.25)
    times.observe("wal/1.wal", 0.2)
    assert not caplog.records
    times.observe("wal/1.wal", 0.25)
    assert [record.getMessage() for record in caplog.records] == [
        "a sync of wal/1.wal took 0.250 s: writes wait for the disk"
    ]
    assert caplog.records[0].levelname == "WARNING"


@pytest.mark.anyio
async def test_the_log_counts_its_syncs_and_those_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    files = FaultyFiles(MemoryFiles())
    async with opened(files, slow_sync_s=0.0) as log:
        before = sum(log.syncs.counts)
        await log.append([event(1)])
        await log.append([event(2), event(3)])
        assert sum(log.syncs.counts) == before + 2
        assert len(caplog.records) == before + 2, "each is slow by that bound"
        files.arm(1, Fault.IO_ERROR, "sync")
        with pytest.raises(Poisoned):
            await log.append([event(4)])
        assert sum(log.syncs.counts) == before + 3
        assert log.durable_lsn == Lsn(3)
