"""LSNs are given out densely, before anything is written, and again when nothing was."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.lsn import LSN_MAX, Lsn


def test_places_are_dense() -> None:
    sequencer = Sequencer(Lsn(7))
    for count, expected in ((1, (8, 8)), (3, (9, 11)), (2, (12, 13))):
        place = sequencer.assign(count)
        assert (place.first_lsn, place.last_lsn) == expected
        assert sequencer.durable_lsn == expected[0] - 1, "not durable before it is confirmed"
        sequencer.confirm(place)
        assert (sequencer.durable_lsn, sequencer.next_lsn) == (expected[1], expected[1] + 1)


def test_what_is_not_confirmed_leaves_no_gap() -> None:
    sequencer = Sequencer(Lsn(0))
    failed = sequencer.assign(5)
    again = sequencer.assign(2)
    assert (failed.first_lsn, again.first_lsn, again.last_lsn) == (1, 1, 2)
    sequencer.confirm(again)
    with pytest.raises(AssertionError):
        sequencer.confirm(failed)


def test_times_come_with_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asteroid_cloud.wal.append.sequencer.time.time_ns", lambda: 1_234_567_890)
    assert Sequencer(Lsn(0)).assign(1).time_ms == 1_234


def test_row_5_times_never_go_back_and_the_clock_is_kept_beside_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock_ms = 1_000_000
    monkeypatch.setattr(Sequencer, "now_ms", staticmethod(lambda: clock_ms))
    sequencer = Sequencer(Lsn(0), last_ms=900_000)

    def written() -> tuple[int, int | None]:
        place = sequencer.assign(1)
        sequencer.confirm(place)
        return place.time_ms, place.clock_ms

    with caplog.at_level("INFO"):
        assert written() == (1_000_000, None)
        clock_ms += 3_600_000
        assert written() == (4_600_000, None)
        clock_ms -= 3_600_000
        assert [written(), written()] == [(4_600_000, 1_000_000)] * 2
        assert sequencer.clock_behind_ms == 3_600_000
        clock_ms = 4_600_001
        assert written() == (4_600_001, None)
    said = [record.getMessage() for record in caplog.records]
    ahead = [each for each in said if "the clock went ahead by 3600" in each]
    behind = [each for each in said if "the clock is 3600.0 s behind the newest record" in each]
    assert (len(ahead), len(behind)) == (2, 1), said
    assert said[-1] == "the clock has caught up with the newest record"
    assert sequencer.clock_behind_ms == 0
    assert sequencer.clock_jumps == len(ahead) + len(behind)


def test_a_log_that_was_written_while_the_clock_was_ahead_goes_on_with_its_time() -> None:
    sequencer = Sequencer(Lsn(5), last_ms=10**15)
    place = sequencer.assign(2)
    assert place.time_ms == 10**15
    assert place.clock_ms is not None
    assert place.clock_ms < 10**15


def test_no_lsn_is_given_out_beyond_the_greatest() -> None:
    sequencer = Sequencer(Lsn(LSN_MAX - 1))
    assert sequencer.assign(1).last_lsn == LSN_MAX
    with pytest.raises(Conflict) as refused:
        sequencer.assign(2)
    assert refused.value.code == "too_many_histories"
