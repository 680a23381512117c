"""Low recall widens searches by steps up to a bound, is told once, and is given time to be well again."""

from __future__ import annotations

import logging

import pytest

from asteroid_cloud.api.service.quality.widening import PATIENCE, PATIENCE_MAX, SAMPLES_MIN, Widening
from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT, EF_SEARCH_WIDENED_MAX


def judged(widening: Widening, recall: float, samples: int = SAMPLES_MIN) -> list[int]:
    """The ef after each of some samples, without repeats."""
    found = [widening.ef]
    for _ in range(samples):
        widening.judge(recall)
        if widening.ef != found[-1]:
            found.append(widening.ef)
    return found


def test_good_recall_changes_nothing() -> None:
    widening = Widening(0.95)
    assert judged(widening, 0.96, 1_000) == [EF_SEARCH_DEFAULT]
    assert not widening.is_low


def test_it_takes_enough_samples() -> None:
    widening = Widening(0.95)
    judged(widening, 0.0, SAMPLES_MIN - 1)
    assert (widening.is_low, widening.ef) == (False, EF_SEARCH_DEFAULT)
    judged(widening, 0.0, 1)
    assert (widening.is_low, widening.ef) == (True, 2 * EF_SEARCH_DEFAULT)


def test_low_recall_widens_up_to_the_bound_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    widening = Widening(0.95)
    assert judged(widening, 0.9, 1_000) == [128, 256, 512, EF_SEARCH_WIDENED_MAX]
    assert widening.is_low
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO", "INFO"]
    assert caplog.records[0].getMessage() == (
        "the recall of searches is 0.900 over 20 samples, below recall_min 0.95; "
        "those that name no ef_search have 256 now"
    )


def test_recall_that_is_well_for_long_narrows_slowly() -> None:
    widening = Widening(0.95)
    judged(widening, 0.5, 2 * SAMPLES_MIN)
    assert (widening.ef, widening.is_low) == (512, True)
    judged(widening, 1.0)
    assert (widening.ef, widening.is_low) == (512, False)
    assert judged(widening, 1.0, PATIENCE - 2) == [512]
    assert judged(widening, 1.0, 2 * (PATIENCE + SAMPLES_MIN)) == [512, 256, 128]
    assert judged(widening, 1.0, 10 * PATIENCE) == [128]


def test_recall_just_above_the_setting_stays_widened_and_low(caplog: pytest.LogCaptureFixture) -> None:
    widening = Widening(0.95)
    judged(widening, 0.9)
    assert judged(widening, 0.955, 20 * PATIENCE) == [256]
    assert widening.is_low, "it is not well above the setting"
    assert len(caplog.records) == 1


def test_narrowing_that_was_too_early_takes_longer_the_next_time() -> None:
    widening = Widening(0.95)
    judged(widening, 0.9)
    taken = []
    for _ in range(6):
        samples = 0
        while widening.ef == 256:
            widening.judge(1.0)
            samples += 1
        taken.append(samples - SAMPLES_MIN + 1)
        judged(widening, 0.9)
        assert widening.ef == 256
    assert taken == [min(PATIENCE * 2**time, PATIENCE_MAX) for time in range(6)]


@pytest.mark.parametrize("recall_min", [0.0, 1.0])
def test_the_ends_of_the_setting(recall_min: float) -> None:
    widening = Widening(recall_min)
    judged(widening, recall_min, 200)
    assert (widening.is_low, widening.ef) == (False, EF_SEARCH_DEFAULT)
