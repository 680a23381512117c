"""The log is trimmed behind the checkpoint, but not what is pinned, retained, or to be kept whole."""

from __future__ import annotations

from typing import cast

import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.checkpoint.log_trimmer import TRIM_EVERY_S_MAX, TRIM_EVERY_S_MIN, LogTrimmer
from asteroid_cloud.wal.append.log import NOTHING, Log, Retention
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.lsn import Lsn

pytestmark = pytest.mark.anyio
WEEK = Retention(age_ms_max=7 * 24 * 3_600_000)


class NotedLog:
    """Notes what it is asked to trim."""

    def __init__(self) -> None:
        self.trimmed: list[tuple[int, Retention]] = []

    async def trim(self, before_lsn: Lsn, retention: Retention = NOTHING) -> int:
        """Notes it."""
        self.trimmed.append((before_lsn, retention))
        return 0


def trimmer(log: NotedLog, options: EngineOptions) -> LogTrimmer:
    return LogTrimmer(cast(Log, log), options)


async def test_what_the_checkpoint_holds_goes_but_what_is_pinned() -> None:
    log = NotedLog()
    each = trimmer(log, EngineOptions(log_retention=WEEK))
    await each.trim(Lsn(9))
    with each.pins.pin(Lsn(4)):
        await each.trim(Lsn(12))
    await each.trim(Lsn(12))
    assert log.trimmed == [(10, WEEK), (5, WEEK), (13, WEEK)]


async def test_a_log_to_be_kept_whole_is_not_trimmed_unless_all_is() -> None:
    log = NotedLog()
    each = trimmer(log, EngineOptions(keep_log=True))
    await each.trim(Lsn(9))
    assert log.trimmed == []
    await each.trim_all(Lsn(9))
    assert log.trimmed == [(10, NOTHING)]


async def test_all_is_trimmed_only_when_nobody_needs_it() -> None:
    log = NotedLog()
    each = trimmer(log, EngineOptions())
    with each.pins.pin(Lsn(4)), pytest.raises(Conflict) as blocked:
        await each.trim_all(Lsn(9))
    assert blocked.value.code == "purge_blocked"
    assert log.trimmed == []


@pytest.mark.parametrize(
    ("age_ms", "every_s"),
    [(None, None), (1, TRIM_EVERY_S_MIN), (4_000_000, 1000 / 1), (10**12, TRIM_EVERY_S_MAX)],
)
def test_it_is_trimmed_by_age_often_enough(age_ms: int | None, every_s: float | None) -> None:
    each = trimmer(NotedLog(), EngineOptions(log_retention=Retention(age_ms_max=age_ms)))
    assert each.interval_s == (None if every_s is None else min(every_s, TRIM_EVERY_S_MAX))
