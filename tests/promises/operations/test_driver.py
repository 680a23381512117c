"""Operations in random orders, killed at random points: nothing is lost, nothing is told wrong.

``python -m tests.promises.operations.driver.run`` does the same for longer.
"""

from __future__ import annotations

import pytest

from tests.promises.operations.driver.scenarios import history

HISTORIES, IN_ONE_TEST = 100, 25


@pytest.mark.slow_first
@pytest.mark.parametrize("first", range(0, HISTORIES, IN_ONE_TEST))
def test_a_history_keeps_what_is_promised(first: int) -> None:
    steps = [step for seed in range(first, first + IN_ONE_TEST) for step in history(seed)]
    assert len({type(step).__name__ for step in steps}) > 20, "of everything a little"
