"""Runs a history, and compares the disk with the model after each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from asteroid_cloud.indexer import Verification, restore_backup
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.store import FolderKind, kind_of
from tests.promises.operations.driver.disk import Killed
from tests.promises.operations.driver.model import Backup, Exported, Store, Unfinished, World
from tests.promises.operations.driver.real import Real, Seen, real
from tests.promises.operations.driver.steps import DONE, STEP_MS, Codes, Step, Wait, Wrong, must, shown

GO_ON = "the next start"
"""An interrupted store that is refused is refused with these words."""
NO_LOG = "there is no log"
"""A store is refused with these words when the start that made it was killed."""
SHORTENINGS_MAX = 80
NOTHING = (FolderKind.ABSENT, FolderKind.EMPTY)
NOT_WHOLE = (*NOTHING, FolderKind.INCOMPLETE)
Draw = Callable[[World], Step]


class Violation(AssertionError):
    """A history that does not keep what is promised; its text has the steps."""


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
            real.disk.kill_after(step.cut)
        try:
            self._done(step, answers, self.execute(step))
            if step.cut is not None:
                self._killed()
        except (AsteroidError, Killed) as error:
            if real.disk.is_dead or isinstance(error, Killed):
                self._cut(step, answers)
            else:
                self._refused(step, answers, error)
                if step.cut is not None:
                    self._killed()
        for name, tree in others.items():
            must(real.disk.tree(name) == tree, f"{name} has changed")

    def execute(self, step: Step) -> Any:
        """Does what a step says; its result. Raises AsteroidError, Killed."""
        return step.run(self._real)

    def end(self) -> None:
        """All that there is at the end is whole: stores verify, backups and stores open as they must."""
        self._killed()
        disk = self._real.disk
        for name, found in self.world.folders.items():
            if isinstance(found, Store) and found.is_whole and found.lsn and not found.may_be_interrupted:
                seen = Verification(disk, name).run()
                must(seen.ok, f"{name}: {seen.findings}")
            elif isinstance(found, Backup) and not found.is_damaged:
                restore_backup(disk, name, f"{name}.restored")
                made = found.of.as_of(found.of.lsn)
                settle(made, self._real.look(f"{name}.restored"), self.world.now_ms)

    def _done(self, step: Step, answers: Codes, result: Any) -> None:
        must(DONE in answers, f"it is done, instead of {_named(answers)}")
        step.apply(self.world, result)
        step.check(self.world, result)
        for name in step.writes(self.world):
            self._settle(self.world, name)

    def _refused(self, step: Step, answers: Codes, error: AsteroidError) -> None:
        is_told = error.code == "interrupted" and GO_ON in error.message and _is_interrupted(self.world)
        is_told |= NO_LOG in error.message and _is_bare(self.world)
        must(error.code in answers or is_told, f"it is {error.code}, not {_named(answers)}: {error.message}")
        for name in step.writes(self.world):
            self._settle(self.world, name)

    def _cut(self, step: Step, answers: Codes) -> None:
        """The process was killed on the way: one of the states that there may be then is there."""
        self._real.killed()
        may_be = step.after_a_kill if DONE in answers else step.after_a_refusal
        wrong: list[str] = []
        for world in may_be(self.world.copy()):
            world.served = None
            try:
                for name in step.writes(self.world):
                    self._settle(world, name)
            except Wrong as error:
                wrong.append(str(error))
                continue
            self.world = world
            return
        raise Wrong("killed on the way: " + "; or ".join(wrong))

    def _killed(self) -> None:
        self._real.killed()
        self.world.served = None

    def _settle(self, world: World, name: str) -> None:
        """Compares one folder with the model, and takes over from it what the model cannot know."""
        found, disk = world.folders.get(name), self._real.disk
        if found is None:
            is_there = name in disk.contents or kind_of(disk, name) not in NOTHING
            must(not is_there, f"{name} is there: {sorted(disk.tree(name))}")
        elif isinstance(found, Unfinished):
            must(name not in disk.contents, f"{name} is there")
            kind = kind_of(disk, name)
            must(kind in NOT_WHOLE, f"{name} is taken for {kind.value}: {sorted(disk.tree(name))}")
            if kind is not FolderKind.INCOMPLETE:
                del world.folders[name]
        elif isinstance(found, Exported):
            must(disk.exists(name), f"{name} is not there")
        elif isinstance(found, Backup):
            must(kind_of(disk, name) is FolderKind.BACKUP, f"{name} is no backup")
        elif world.served == name:
            settle(found, self._real.look_inside(), world.now_ms)
        else:
            self._settle_closed(found, name, world.now_ms)

    def _settle_closed(self, store: Store, name: str, now_ms: int) -> None:
        """Compares a store that nobody has open, its damage too."""
        seen = self._real.look(name)
        if not store.damages:
            settle(store, seen, now_ms)
        else:
            _settle_damaged(store, seen)
        is_damaged = self._real.log_is_damaged(name)
        must(is_damaged == ("log" in store.damages), f"its log is damaged: {is_damaged}")


def settle(store: Store, seen: Seen, now_ms: int) -> None:
    """Raises Wrong unless a store is as it must be; takes over the number of a new history, and a loss."""
    must(not seen.code, f"it does not open: {seen.code}")
    if store.is_repaired:
        _settle_repair(store, seen)
    if store.begins_history:
        highest = max(store.given_out, default=0)
        must(seen.lsn > highest, f"it goes on with LSN {seen.lsn}, though {highest} was given out")
        store.take(seen.lsn, store.now, now_ms)
        store.begins_history = False
    must(seen.is_lossy == (store.loss == "open"), f"it says that something is lost: {seen.is_lossy}")
    must(seen.contents == store.contents(), f"it holds {seen.contents}, not {store.contents()}")
    must(seen.lsn == store.lsn, f"its newest record is {seen.lsn}, not {store.lsn}")


def _settle_damaged(store: Store, seen: Seen) -> None:
    """A damaged store does not open, or opens as what it must be."""
    must(seen.is_lossy == (store.loss == "open"), f"it says that something is lost: {seen.is_lossy}")
    is_right = seen.contents == store.contents() or store.loss == "open"
    must(seen.code == "corruption" or is_right, f"it is damaged, and opens as {seen.contents}")


def _settle_repair(store: Store, seen: Seen) -> None:
    """What a repair left has to be what the store held once; if that is not the newest, it must say so."""
    store.is_repaired = False
    # The newest state may be like an earlier one: where something is said to be lost, it is the earlier one.
    may_be = [lsn for lsn in store.states if lsn < store.lsn or not seen.is_lossy]
    kept = [lsn for lsn in may_be if _at(store, lsn) == seen.contents]
    must(bool(kept), f"after the repair it holds {seen.contents}, which it never held")
    is_spared = max(kept) + 1 >= store.damaged_from
    must(is_spared, f"the repair has kept records up to {max(kept)}; whole ones were behind that")
    if max(kept) < store.lsn:
        store.lost_from, store.loss = max(kept) + 1, "open"
        store.states = {lsn: state for lsn, state in store.states.items() if lsn <= max(kept)}
        store.times = {lsn: time for lsn, time in store.times.items() if lsn <= max(kept)}
        store.begins_history = True
    store.keeps_all = False


def _at(store: Store, lsn: int) -> object:
    past = store.copy()
    past.states = {at: state for at, state in store.states.items() if at <= lsn}
    return past.contents() if all(at in past.states for at in past.tags.values()) else None


def _is_interrupted(world: World) -> bool:
    return any(isinstance(each, Store) and each.may_be_interrupted for each in world.folders.values())


def _is_bare(world: World) -> bool:
    return any(isinstance(each, Store) and each.lsn == 0 for each in world.folders.values())


def _named(answers: Codes) -> str:
    return " or ".join(sorted(code or "done" for code in answers))


def run(seed: int, steps: Sequence[Step]) -> None:
    """Runs a history that is given; raises Violation."""
    taken: list[Step] = []
    try:
        with real(seed) as disk:
            history = Run(disk)
            for step in steps:
                taken.append(step)
                history.step(step)
            history.end()
    except Exception as error:
        raise Violation(_told(seed, taken, error)) from error


def run_drawn(seed: int, count: int, draw: Draw) -> list[Step]:
    """Runs a history whose steps are drawn on the way; the steps. Raises Violation with a short one."""
    steps: list[Step] = []
    try:
        with real(seed) as disk:
            history = Run(disk)
            for _ in range(count):
                steps.append(draw(history.world))
                history.step(steps[-1])
            history.end()
    except Exception as error:
        raise shortened(seed, steps, Violation(_told(seed, steps, error))) from error
    return steps


def shortened(seed: int, steps: list[Step], violation: Violation) -> Violation:
    """The violation of the shortest history that leaving steps out leads to."""
    tries = 0
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


def _told(seed: int, steps: Sequence[Step], error: BaseException) -> str:
    listed = "\n".join(f"    {shown(step)}," for step in steps)
    said = str(error) or repr(error)
    return f"seed {seed}, step {len(steps)}: {said}\n  run({seed}, [\n{listed}\n  ])"
