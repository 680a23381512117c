"""Runs a history, and compares the disk with the model after each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from asteroid_cloud.indexer import Verification, restore_backup
from asteroid_cloud.wal.errors import AsteroidError
from tests.promises.operations.driver.disk import Killed
from tests.promises.operations.driver.model import Backup, Store, World
from tests.promises.operations.driver.real import Real, real
from tests.promises.operations.driver.settling import settle, settle_folder
from tests.promises.operations.driver.steps.refusals import excused
from tests.promises.operations.driver.steps.step import DONE, STEP_MS, Codes, Step, Wrong, must, shown

GO_ON = "the next start"
"""An interrupted store is refused with these words: they say what finishes it."""
Draw = Callable[[World], Step]


class Violation(AssertionError):
    """A history that does not keep what is promised; its text has the steps."""

    def __init__(self, told: str, steps: Sequence[Step]) -> None:
        super().__init__(told)
        self.steps = list(steps)


class Run:
    """One history: the disk, and what must be true of it."""

    def __init__(self, real: Real) -> None:
        self.world = World()
        self._real = real

    def step(self, step: Step) -> None:
        """Does one step; raises Wrong."""
        real = self._real
        real.now_ms += STEP_MS
        self.world.now_ms = real.now_ms
        answers, writes = step.answers(self.world), step.writes(self.world)
        may_change = writes | {self.world.served}  # what is open works in the background
        others = {name: real.disk.tree(name) for name in self.world.folders if name not in may_change}
        if step.cut is not None:
            real.disk.kill_after(step.cut, step.counted)
        try:
            self._done(step, answers, writes, self.execute(step))
            if step.cut is not None:
                self._killed()
        except (AsteroidError, Killed) as error:
            if real.disk.is_dead or isinstance(error, Killed):
                self._cut(step, answers, writes)
            else:
                self._refused(step, answers, writes, error)
                if step.cut is not None:
                    self._killed()
        for name, tree in others.items():
            must(real.disk.tree(name) == tree, f"{name} has changed")

    def execute(self, step: Step) -> Any:
        """Does what a step says; its result. Raises AsteroidError, Killed."""
        return step.run(self._real)

    def check(self, step: Step, result: Any) -> None:
        """Raises Wrong unless a step that is done gave back what it must."""
        step.check(self.world, result)

    def end(self) -> None:
        """All that there is at the end is whole: stores verify, backups and stores open as they must."""
        self._killed()
        disk = self._real.disk
        for name, found in self.world.folders.items():
            if isinstance(found, Store) and found.is_whole and found.is_sound:
                seen = Verification(disk, name).run()
                must(seen.ok, f"{name}: {seen.findings}")
            elif isinstance(found, Backup) and not found.is_damaged:
                restore_backup(disk, name, f"{name}.restored")
                made = found.of.as_of(found.of.lsn)
                settle(made, self._real.look(f"{name}.restored"), self.world.now_ms)

    def _done(self, step: Step, answers: Codes, writes: set[str], result: Any) -> None:
        must(DONE in answers, f"it is done, instead of {_named(answers)}")
        step.apply(self.world, result)
        if step.enters:
            for store in filter(None, map(self.world.store, step.names(self.world))):
                store.may_be_interrupted = False
        self.check(step, result)
        self._settle(self.world, writes)

    def _refused(self, step: Step, answers: Codes, writes: set[str], error: AsteroidError) -> None:
        answers |= excused(step, self.world)
        must(error.code in answers, f"it is {error.code}, not {_named(answers)}: {error.message}")
        is_told = error.code != "interrupted" or GO_ON in error.message
        must(is_told, f"an interrupted store is refused with no word on what finishes it: {error.message}")
        self._settle(self.world, writes)

    def _cut(self, step: Step, answers: Codes, writes: set[str]) -> None:
        """The process was killed on the way: one of the states that there may be then is there."""
        self._real.killed()
        may_be = step.after_a_kill if DONE in answers else step.after_a_refusal
        wrong: list[str] = []
        for world in may_be(self.world.copy()):
            world.served = None
            try:
                self._settle(world, writes)
            except Wrong as error:
                wrong.append(str(error))
                continue
            self.world = world
            return
        raise Wrong("killed on the way: " + "; or ".join(wrong))

    def _killed(self) -> None:
        self._real.killed()
        self.world.served = None

    def _settle(self, world: World, names: set[str]) -> None:
        for name in names:
            settle_folder(world, name, self._real)


def _named(answers: Codes) -> str:
    return " or ".join(sorted(code or "done" for code in answers))


def run(seed: int, steps: Sequence[Step]) -> None:
    """Runs a history that is given; raises Violation."""
    given = iter(steps)
    run_drawn(seed, len(steps), lambda world: next(given))


def run_drawn(seed: int, count: int, draw: Draw) -> list[Step]:
    """Runs a history whose steps are drawn on the way; the steps. Raises Violation, which has them."""
    steps: list[Step] = []
    try:
        with real(seed) as disk:
            history = Run(disk)
            for _ in range(count):
                steps.append(draw(history.world))
                history.step(steps[-1])
            history.end()
    except Exception as error:
        raise Violation(_told(seed, steps, error), steps) from error
    return steps


def _told(seed: int, steps: Sequence[Step], error: BaseException) -> str:
    listed = "\n".join(f"    {shown(step)}," for step in steps)
    said = str(error) or repr(error)
    return f"seed {seed}, step {len(steps)}: {said}\n  run({seed}, [\n{listed}\n  ])"
