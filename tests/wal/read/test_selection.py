"""What "until a time" means: everything up to the last record that was logged by then."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.events import encode_event
from asteroid_cloud.wal.format.frame import encode_frame
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_reader import LogReader
from asteroid_cloud.wal.read.log_statistics import statistics_of
from asteroid_cloud.wal.read.record_json import record_line
from asteroid_cloud.wal.read.selection import Selection, last_until, select
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, event, file_of

HOUR_MS = 3_600_000
OLD = [(1_000, None), (1_000 + HOUR_MS, None), (3_000, None), (4_000, None)]
"""As a log of 0.1.0 has them: the clock was an hour ahead for one write."""
NEW = [(1_000, None), (1_000 + HOUR_MS, None), (1_000 + HOUR_MS, 3_000), (1_000 + HOUR_MS, 4_000)]
"""As they are written now."""


def log_of(times: list[tuple[int, int | None]]) -> MemoryFiles:
    """One frame of one record for each time."""
    frames = [
        encode_frame(IDENTITY, Lsn(lsn), time_ms, [encode_event(event(lsn))], clock_ms=clock_ms)
        for lsn, (time_ms, clock_ms) in enumerate(times, 1)
    ]
    return disk(file_of(*frames))


def selected(files: MemoryFiles, selection: Selection) -> list[int]:
    return [record.lsn for record in select(LogReader(files, FOLDER), selection)]


@pytest.mark.parametrize("times", [OLD, NEW])
def test_row_5_one_write_an_hour_ahead_hides_nothing(times: list[tuple[int, int | None]]) -> None:
    files = log_of(times)
    frames = LogReader(files, FOLDER).frames
    for until_ms, last in ((999, None), (1_000, 1), (2_999, 1), (3_000, 3), (4_000, 4), (2 * HOUR_MS, 4)):
        assert last_until(frames(Lsn(1)), until_ms) == last
        assert selected(files, Selection(until_ms=until_ms)) == list(range(1, (last or 0) + 1))
        rest = selected(files, Selection(since_ms=until_ms + 1))
        assert rest == list(range((last or 0) + 1, 5))
    found = statistics_of(LogReader(files, FOLDER))
    assert (found.clock_steps_back, found.clock_back_ms_max) == (1, HOUR_MS - 2_000)


def test_a_record_shows_the_clock_where_it_differs_from_its_time() -> None:
    lines = [record_line(each, vectors=False) for each in LogReader(log_of(NEW), FOLDER).read(Lsn(1))]
    assert [b'"clock":"1970-01-01T00:00:03.000+00:00"' in line for line in lines] == [
        False,
        False,
        True,
        False,
    ]
    assert all(b'"time":"1970-01-01T01:00:01.000+00:00"' in line for line in lines[1:])


def test_damage_behind_a_later_record_does_not_matter() -> None:
    files = log_of([(1_000, None), (2_000, None), (3_000, None), (9_000, None)])
    data = files.contents[FIRST]
    data[len(data) * 3 // 4 - 4] ^= 1  # in the third frame, which a whole one follows
    frames = LogReader(files, FOLDER).frames
    assert last_until(frames(Lsn(1)), 1_500) == 1
    with pytest.raises(CorruptionError):
        last_until(frames(Lsn(1)), 2_500)
