"""What is pinned stays for as long as it is pinned, and not longer."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.checkpoint.pins import DeletionPins, LogPins, SegmentPins
from asteroid_cloud.wal.lsn import Lsn


def test_the_log_stays_from_the_earliest_pin_on() -> None:
    pins = LogPins()
    assert pins.earliest(Lsn(9)) == 9
    with pins.pin(Lsn(5)), pins.pin(Lsn(3)):
        assert pins.earliest(Lsn(9)) == 3
        assert pins.earliest(Lsn(2)) == 2
        assert not pins.is_empty
    assert pins.is_empty


def test_a_pin_may_last_until_a_checkpoint_holds_what_was_committed() -> None:
    pins = LogPins()
    with pins.pin(Lsn(3), lambda: Lsn(8)):
        pins.drop_reached(Lsn(20))
        assert pins.earliest(Lsn(20)) == 3
    pins.drop_reached(Lsn(7))
    assert pins.earliest(Lsn(7)) == 3
    pins.drop_reached(Lsn(8))
    assert pins.is_empty


def test_a_pin_ends_with_its_block_however_that_ends() -> None:
    pins = LogPins()
    with pytest.raises(ValueError, match="x"), pins.pin(Lsn(3)):
        raise ValueError("x")
    assert pins.is_empty


def test_deletions_are_remembered_for_the_segments_that_are_merged() -> None:
    pins = DeletionPins()
    with pins.pin(Lsn(4), [1, 2]), pins.pin(Lsn(6), [2, 3]):
        assert [pins.earliest(Lsn(9), number) for number in (1, 2, 3, 4)] == [4, 4, 6, 9]
    assert pins.earliest(Lsn(9), 1) == 9


def test_segments_are_pinned_together() -> None:
    pins = SegmentPins()
    with pins.pin(frozenset({1, 2})):
        with pins.pin(frozenset({2, 3})):
            assert pins.numbers == {1, 2, 3}
        assert pins.numbers == {1, 2}
    assert pins.numbers == frozenset()
