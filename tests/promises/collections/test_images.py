"""Power cuts while collections are made, filled, named and removed: what was acknowledged is there."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from tests.promises.collections import planted
from tests.promises.collections.images import check, record
from tests.promises.power.check import Violation

SEED, STEPS, IMAGES_MIN = 2, 8, 400


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.slow_first
def test_no_image_of_a_power_cut_loses_or_mixes_up_a_collection() -> None:
    assert check(SEED, STEPS, subsets=1).images >= IMAGES_MIN


def test_the_steps_of_a_seed_do_everything() -> None:
    steps, _ = record(7, 60)
    assert {call.told.split()[0] for step in steps for call in step} == {
        "make", "remove", "point", "drop", "write", "flush", "wait",
    }  # fmt: skip
    assert any(len(step) > 1 for step in steps)


@pytest.mark.slow_first
@pytest.mark.parametrize("plant", planted.ON_IMAGES, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_seen(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation):  # noqa: PT012
        plant(patch)
        check(SEED, STEPS, subsets=1)
