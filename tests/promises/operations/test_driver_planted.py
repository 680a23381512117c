"""The driver can fail: planted bugs of version 0.1.0 are found by random histories, and told in few steps."""

from __future__ import annotations

import pytest

from tests.promises.operations.driver import planted
from tests.promises.operations.driver.runner import Violation, run
from tests.promises.operations.driver.scenarios import history

HISTORIES_MAX = 200
STEPS_MAX = 12
"""A history that shows a bug is printed with no more steps, as a rule with three or four."""


@pytest.mark.slow_first
@pytest.mark.parametrize("bug", planted.ALL, ids=lambda bug: bug.plant.__name__)
def test_a_planted_bug_is_found(bug: planted.Planted) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Violation) as found:  # noqa: PT012
        bug.plant(patch)
        for seed in range(HISTORIES_MAX):
            history(seed, lean_to=bug.lean_to)
    told = str(found.value)
    assert any(words in told for words in bug.words), told
    assert len([line for line in told.splitlines() if line.startswith("    ")]) <= STEPS_MAX, told
    run(seed, found.value.steps)  # without the bug, all is well: nothing else was found
