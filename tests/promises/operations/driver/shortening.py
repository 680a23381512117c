"""Shortens a history that does not keep what is promised, until leaving out another step would lose that."""

from __future__ import annotations

from collections.abc import Sequence

from tests.promises.operations.driver.runner import Violation, run
from tests.promises.operations.driver.steps.step import Step, Wait

SHORTENINGS_MAX = 80


def shortened(seed: int, violation: Violation) -> Violation:
    """The violation of the shortest history that leaving steps out leads to."""
    steps, tries = violation.steps, 0
    for at in [*reversed(range(len(steps))), *reversed(range(len(steps)))]:
        if at >= len(steps) or tries >= SHORTENINGS_MAX:
            continue
        for instead in ([], [Wait(steps=1)]):  # points in time stay what they are if the time passes
            if steps[at : at + 1] == instead:
                continue
            tries += 1
            less = [*steps[:at], *instead, *steps[at + 1 :]]
            try:
                run(seed, less)
            except Violation as found:
                steps, violation = less, found
                break
    try:
        run(seed, _with_long_waits(steps))
    except Violation as found:
        return found
    return violation


def _with_long_waits(steps: Sequence[Step]) -> list[Step]:
    """One step in the place of several that only let time pass."""
    merged: list[Step] = []
    for step in steps:
        if merged and isinstance(step, Wait) and isinstance(last := merged[-1], Wait):
            merged[-1] = Wait(steps=last.steps + step.steps)
        else:
            merged.append(step)
    return merged
