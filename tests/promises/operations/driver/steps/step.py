"""What a step of a history is: something that is done, what it may answer, and what is true after it.

A step is data: its fields say all, and it is printed as it is written. What it may answer depends on the
model only, so every list of steps is a history, and a failing one can be shortened by leaving steps out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import msgspec

from asteroid_cloud.indexer import Point
from tests.promises.operations.driver.disk import Counted
from tests.promises.operations.driver.model import World
from tests.promises.operations.driver.real import Real

Codes = frozenset[str]
DONE = ""
"""Stands among the codes of errors for success."""
JUST_DONE: Codes = frozenset({DONE})
STEP_MS = 1000
"""The time that a step takes."""
NAMING = ("at", "into", "backup", "file")
"""Fields that name a folder on which a step depends. An earlier backup is none: its damage stops nothing."""


class Wrong(AssertionError):
    """A step did not answer, or did not leave behind, what it must."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. ``cut`` kills the process after so many changes of the disk, or at the end of the step."""

    cut: int | None = None
    counted: Counted = "changes"
    """What ``cut`` counts."""
    stops_at_damage: ClassVar[bool] = True
    """Whether it may be refused because a folder that it names is damaged."""
    enters: ClassVar[bool] = False
    """Whether it finishes what was interrupted in the store ``at``."""

    def answers(self, world: World) -> Codes:
        """The codes of which one must be the answer; what the state of a folder excuses comes to it."""
        raise NotImplementedError

    def run(self, real: Real) -> Any:
        """Does it; raises AsteroidError."""
        raise NotImplementedError

    def apply(self, world: World, result: Any = None) -> None:
        """What is true when it is done; ``result`` is None when it was killed before it could say."""

    def check(self, world: World, result: Any) -> None:
        """Raises Wrong unless the result is what it must be; ``world`` is that after the step."""

    def names(self, world: World) -> set[str]:
        """The folders on which it depends."""
        return {name for name in (getattr(self, field, None) for field in NAMING) if name is not None}

    def writes(self, world: World) -> set[str]:
        """The folders that it may change; all others keep every byte."""
        return set()

    def after_a_kill(self, world: World) -> list[World]:
        """What may be true when it was killed before its end: all of it, or nothing."""
        done = world.copy()
        self.apply(done)
        return [world, done]

    def after_a_refusal(self, world: World) -> list[World]:
        """What may be true when it was killed on the way to a refusal."""
        return [world]


@dataclass(frozen=True)
class Wait(Step):
    """Lets time pass, as long as so many steps take."""

    steps: int

    def answers(self, world: World) -> Codes:
        return JUST_DONE

    def run(self, real: Real) -> None:
        real.now_ms += STEP_MS * (self.steps - 1)


@dataclass(frozen=True)
class Clock(Step):
    """Sets the clock ahead, or back."""

    by_ms: int

    def answers(self, world: World) -> Codes:
        return JUST_DONE

    def run(self, real: Real) -> None:
        real.now_ms += self.by_ms


def shown(value: object) -> str:
    """A step as it is written, without what is left at its default."""
    if isinstance(value, Step):
        given = [(each.name, getattr(value, each.name), each.default) for each in fields(value)]
        given = [(name, each) for name, each, default in given if each != default]
    elif isinstance(value, Point):
        given = [(name, each) for name, each in msgspec.structs.asdict(value).items() if each is not None]
    else:
        return repr(value)
    return f"{type(value).__name__}({', '.join(f'{name}={shown(each)}' for name, each in given)})"


def must(holds: bool, otherwise: str) -> None:
    """Raises Wrong unless it holds."""
    if not holds:
        raise Wrong(otherwise)
