"""Steps that change a stopped store: restores in place, undo, repairs, replays, acknowledging a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from asteroid_cloud.indexer import (
    LogRepair,
    Point,
    PointInTimeRestore,
    Reindex,
    acknowledge_losses,
    undo_replacement,
)
from asteroid_cloud.wal.store import enter
from tests.promises.operations.driver.looking import options_of
from tests.promises.operations.driver.model import Store, World
from tests.promises.operations.driver.real import Real
from tests.promises.operations.driver.steps.refusals import reached, source
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, Step


@dataclass(frozen=True)
class OnStore(Step):
    """A command on a store, which must be stopped."""

    at: str

    def answers(self, world: World) -> Codes:
        return source(world, self.at) or JUST_DONE

    def store(self, world: World) -> Store:
        """The store that it works on."""
        found = world.store(self.at)
        assert found is not None
        return found


@dataclass(frozen=True)
class Change(OnStore):
    """A command that changes a stopped store."""

    enters: ClassVar[bool] = True

    def writes(self, world: World) -> set[str]:
        return {self.at}

    def after_a_kill(self, world: World) -> list[World]:
        worlds = super().after_a_kill(world)
        for each in worlds:
            self.store(each).may_be_interrupted = True
        return worlds


@dataclass(frozen=True)
class InPlace(Change):
    """Takes a store back to an earlier state."""

    point: Point

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at):
            return refused | {"bad_point"}  # a backup is told so
        codes, _ = reached(self.store(world), self.point, world.now_ms)
        return codes

    def run(self, real: Real) -> Any:
        return PointInTimeRestore(real.disk, self.at).in_place(self.point)

    def apply(self, world: World, result: Any = None) -> None:
        store = self.store(world)
        _, lsn = reached(store, self.point, world.now_ms)
        world.folders[self.at] = store.go_back(lsn)


@dataclass(frozen=True)
class Undo(Change):
    """Brings back what the last restore in place has replaced."""

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at):
            return refused
        replaced = self.store(world).replaced
        if not replaced:
            return frozenset({"nothing_to_undo"})
        return frozenset({DONE, "corruption"}) if replaced[-1].damages else JUST_DONE

    def run(self, real: Real) -> Any:
        with enter(real.disk, self.at) as access:
            return undo_replacement(access.files, self.at)

    def apply(self, world: World, result: Any = None) -> None:
        world.folders[self.at] = self.store(world).undo()


@dataclass(frozen=True)
class Repair(Change):
    """Repairs a log, and records what that gives up."""

    def run(self, real: Real) -> Any:
        return LogRepair(real.disk, self.at).apply()

    def apply(self, world: World, result: Any = None) -> None:
        store = self.store(world)
        store.is_repaired = "log" in store.damages
        store.damages -= {"log"}

    def after_a_kill(self, world: World) -> list[World]:
        """The loss is recorded first: a store may say so while it is still as it was."""
        worlds = super().after_a_kill(world)
        store = self.store(worlds[0])
        if "log" in store.damages:
            known = worlds[0].copy()
            self.store(known).lose(store.damaged_from)
            worlds.insert(1, known)
        return worlds


@dataclass(frozen=True)
class Replay(Change):
    """Builds the index again from the log, and puts it in place."""

    def run(self, real: Real) -> Any:
        return Reindex(real.disk, self.at, options_of()).apply(lambda done, total: None)

    def apply(self, world: World, result: Any = None) -> None:
        self.store(world).damages -= {"segment"}


@dataclass(frozen=True)
class Acknowledge(Change):
    """Says that a loss is known."""

    stops_at_damage: ClassVar[bool] = False

    def run(self, real: Real) -> Any:
        return acknowledge_losses(real.disk, self.at, real.now_ms)

    def apply(self, world: World, result: Any = None) -> None:
        store = self.store(world)
        if store.loss == "open":
            store.loss = "acknowledged"
