"""LSNs are given out densely, before anything is written, and again when nothing was."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.append.sequencer import Sequencer
from asteroid_cloud.wal.lsn import Lsn


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
