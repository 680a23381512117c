"""Collections, killed anywhere, backed up and restored: nothing is lost, mixed up or half there.

``python -m tests.promises.collections.histories`` does the same for longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.promises.collections import planted
from tests.promises.collections.histories import history
from tests.promises.power.check import Violation

# A kill ends an event loop between two steps, and leaves what it had only just begun.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

HISTORIES, PLANTED_MAX = 12, 60


@pytest.mark.slow_first
def test_a_history_of_collections_keeps_what_is_promised() -> None:
    done = sum((history(seed) for seed in range(HISTORIES)), Counter[str]())
    kinds = {"make", "remove", "point", "write", "flush", "kill", "backup", "restore", "restore of one"}
    assert done.keys() >= kinds, "of everything a little"


@pytest.mark.slow_first
@pytest.mark.parametrize("plant", planted.IN_HISTORIES, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation):  # noqa: PT012
        plant(patch)
        for seed in range(PLANTED_MAX):
            history(seed)
