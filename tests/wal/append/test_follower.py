"""What a follower buffers, and how much it reads back at once."""

from __future__ import annotations

from asteroid_cloud.wal import Record
from asteroid_cloud.wal.append.follower import Follower, next_group
from asteroid_cloud.wal.format.events import VectorsUpserted
from asteroid_cloud.wal.limits import CATCH_UP_BYTES_MAX, MIB
from asteroid_cloud.wal.lsn import Lsn
from tests.support.logs import TIME_MS, event


def test_a_buffer_takes_one_group_however_large() -> None:
    records = [Record(Lsn(lsn), TIME_MS, event(lsn)) for lsn in range(1, 5)]
    follower = Follower(Lsn(1), lambda: 10)
    follower.offer(records[:2], 1_000)
    follower.offer(records[2:3], 1)
    assert follower.take() == records[:2]
    follower.next_lsn = Lsn(3)
    assert follower.take() is None
    follower.offer(records[3:], 1)
    assert follower.take() is None
    follower.next_lsn = Lsn(4)
    assert follower.take() == records[3:]
    assert follower.take() is None


def test_a_follower_behind_takes_few_large_records_at_once() -> None:
    event = VectorsUpserted(b"", bytes(3 * MIB))
    records = iter([Record(Lsn(number), 0, event) for number in range(1, 65)])
    taken = next_group(records)
    assert len(taken) == -(-CATCH_UP_BYTES_MAX // (3 * MIB))
    assert next_group(records)[0].lsn == taken[-1].lsn + 1
