"""The checks can fail: each of these bugs, planted, is seen by the one that is there for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.promises.power import planted
from tests.promises.power.check import Violation, check
from tests.promises.power.failing import fail_at
from tests.support.faulty_files import Fault

SEED, STEPS = 2, 12
RARE = 5
"""Another seed: its history has what the first one has not."""


@pytest.mark.slow_first
@pytest.mark.parametrize("plant", planted.ON_IMAGES, ids=lambda plant: plant.__name__)
def test_a_crash_image_shows(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation):  # noqa: PT012
        plant(patch)
        for seed in (SEED, RARE):
            check(seed, STEPS, subsets=3, is_plain=True)


@pytest.mark.slow_first
def test_without_a_bug_there_is_nothing_to_see() -> None:
    assert check(SEED, STEPS, subsets=3, is_plain=True).images > 500
    assert fail_at(3, Fault.IO_ERROR, "sync")
    assert fail_at(3, Fault.NO_SPACE, "write")


def test_a_failed_sync_that_is_tried_again_is_seen() -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation):  # noqa: PT012
        planted.retry_sync(patch)
        for number in range(1, 20):
            fail_at(number, Fault.IO_ERROR, "sync")


def test_a_full_disk_that_is_not_noticed_is_seen() -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation):  # noqa: PT012
        planted.swallow_no_space(patch)
        for number in range(1, 20):
            fail_at(number, Fault.NO_SPACE, "write")
