"""What a step of a history is: something that is done, what it may answer, and what is true after it.

A step is data: its fields say all, and it is printed as it is written. What it may answer depends on the
model only, so every list of steps is a history, and a failing one can be shortened by leaving steps out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import msgspec

from asteroid_cloud.indexer import Point
from tests.promises.operations.driver.model import Backup, Exported, Store, Unfinished, World
from tests.promises.operations.driver.real import Real

Codes = frozenset[str]
DONE = ""
"""Stands among the codes of errors for success."""
JUST_DONE: Codes = frozenset({DONE})
STEP_MS = 1000
"""The time that a step takes."""
NOT_FOUND = frozenset({"not_found", "no_backup"})


class Wrong(AssertionError):
    """A step did not answer, or did not leave behind, what it must."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. ``cut`` kills the process after so many changes of the disk, or at the end of the step."""

    cut: int | None = None

    def answers(self, world: World) -> Codes:
        """The codes of which one must be the answer."""
        raise NotImplementedError

    def run(self, real: Real) -> Any:
        """Does it; raises AsteroidError."""
        raise NotImplementedError

    def apply(self, world: World, result: Any = None) -> None:
        """What is true when it is done; ``result`` is None when it was killed before it could say."""

    def check(self, world: World, result: Any) -> None:
        """Raises Wrong unless the result is what it must be; ``world`` is that after the step."""

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


def shown(value: object) -> str:
    """A step as it is written, without what is left at its default."""
    if isinstance(value, Step):
        given = [(each.name, getattr(value, each.name)) for each in fields(value)]
        given = [(name, each) for name, each in given if (name, each) != ("cut", None)]
    elif isinstance(value, Point):
        given = [(name, each) for name, each in msgspec.structs.asdict(value).items() if each is not None]
    else:
        return repr(value)
    return f"{type(value).__name__}({', '.join(f'{name}={shown(each)}' for name, each in given)})"


def must(holds: bool, otherwise: str) -> None:
    """Raises Wrong unless it holds."""
    if not holds:
        raise Wrong(otherwise)


def source(world: World, name: str, *, is_locked: bool = True, backups: bool = False) -> Codes:
    """Why a folder is refused as the source of a command; empty if it is not."""
    found = world.folders.get(name)
    if found is None or isinstance(found, Exported):
        return NOT_FOUND
    if isinstance(found, Unfinished):
        return NOT_FOUND | {"incomplete"}
    if isinstance(found, Backup):
        return frozenset() if backups else frozenset({"is_backup"})
    return frozenset({"lock_held"}) if is_locked and world.served == name else frozenset()


def on_store(world: World, name: str, wanted: Codes = JUST_DONE, *, is_locked: bool = True) -> Codes:
    """What a command on a store may answer: ``wanted``, or damage, or that there is no such store."""
    if refused := source(world, name, is_locked=is_locked):
        return refused
    store = world.store(name)
    assert store is not None
    if store.lsn == 0:  # the start that made it may have been killed
        wanted |= {"not_found", "corruption"}
    damaged = frozenset({"corruption", "log_pruned", "bad_point"})
    return wanted | damaged if store.damages else wanted


def is_free(world: World, name: str) -> bool:
    """Whether a new folder of that name can be made."""
    return isinstance(world.folders.get(name), Unfinished | None)


def reached(store: Store, point: Point, known_until_ms: int) -> tuple[Codes, int]:
    """What a restore to a point may answer, and the record that it reaches."""
    pruned: Codes = frozenset() if store.keeps_all else frozenset({"log_pruned"})
    if point.tag is not None:
        return (JUST_DONE, store.tags[point.tag]) if point.tag in store.tags else (frozenset({"no_tag"}), 0)
    if point.time_ms is not None:
        if point.time_ms > known_until_ms:
            return frozenset({"bad_point"}), 0
        before = [lsn for lsn, time_ms in store.times.items() if time_ms <= point.time_ms]
        return (pruned | {DONE}, max(before)) if before else (pruned | {"bad_point"}, 0)
    if point.lsn is not None:
        if point.lsn in store.states:
            return pruned | {DONE}, point.lsn
        refused = {"bad_point"} if point.lsn > store.lsn else {"other_history"}
        return pruned | refused, 0
    return JUST_DONE, store.lsn
