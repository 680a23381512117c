"""Histories at random: what somebody might do next, given what there is, and sometimes what nobody should."""

from __future__ import annotations

from dataclasses import replace

from tests.promises.operations.driver.choices import FIRST, Choices
from tests.promises.operations.driver.disk import Counted
from tests.promises.operations.driver.kinds import SERVED, STOPPED, Kind, follow_ups, one_of
from tests.promises.operations.driver.model import World
from tests.promises.operations.driver.runner import Violation, run_drawn
from tests.promises.operations.driver.shortening import shortened
from tests.promises.operations.driver.steps.harm import Harm
from tests.promises.operations.driver.steps.serving import Kill, Open
from tests.promises.operations.driver.steps.step import Step

CUT_SHARE = 0.25
CUTS_MAX: tuple[tuple[int, Counted], ...] = (
    (4, "changes"),
    (16, "changes"),
    (64, "changes"),
    (160, "changes"),
    (12, "renames"),
)
"""A kill comes within the first few changes of the disk, or later on, or between two renames."""
FOLLOW_UP_SHARE = 0.3
"""Of all steps, those that go on with what was begun: a repair, an undo."""
LEANING_SHARE = 0.5
"""Of all steps, those that a history draws for the sake of what it leans to."""
STEPS = 30


class Drawing:
    """Draws the steps of one seed; some ``lean_to`` one matter, if that is given."""

    def __init__(self, seed: int, lean_to: Kind | None = None) -> None:
        self._lean_to = lean_to
        self._draw = Choices(seed)
        self._random = self._draw.random

    def __call__(self, world: World) -> Step:
        """The next step."""
        if FIRST not in world.folders:
            return Open(at=FIRST, keeps_log=self._random.choice([True, True, None]))
        step = self._follow_up(world) or self._any(world)
        if self._random.random() < CUT_SHARE and not isinstance(step, Kill | Harm):
            before, counted = self._random.choice(CUTS_MAX)
            return replace(step, cut=self._random.randrange(before), counted=counted)
        return step

    def _any(self, world: World) -> Step:
        if self._lean_to is not None and self._random.random() < LEANING_SHARE:
            return self._lean_to(self._draw, world)
        return one_of(SERVED if world.served else STOPPED, self._draw, world)

    def _follow_up(self, world: World) -> Step | None:
        if self._random.random() >= FOLLOW_UP_SHARE:
            return None
        wanted = follow_ups(self._draw, world)
        return self._random.choice(wanted) if wanted else None


def history(seed: int, steps: int = STEPS, lean_to: Kind | None = None) -> list[Step]:
    """Runs the history of a seed; its steps. Raises Violation with a short history that shows it."""
    try:
        return run_drawn(seed, steps, Drawing(seed, lean_to))
    except Violation as violation:
        raise shortened(seed, violation) from violation
