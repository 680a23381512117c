"""Steps that change a stopped store, or look at one: restores in place, undo, repairs, checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import (
    LogRepair,
    Point,
    PointInTimeRestore,
    Reindex,
    Verification,
    acknowledge_losses,
    read_losses,
    undo_replacement,
)
from asteroid_cloud.wal.store import enter
from tests.promises.operations.driver.model import Backup, Store, World
from tests.promises.operations.driver.real import Real, options_of
from tests.promises.operations.driver.steps import (
    DONE,
    JUST_DONE,
    Codes,
    Step,
    must,
    on_store,
    reached,
    source,
)

NO_INDEX = "it is missing"


@dataclass(frozen=True)
class OnStore(Step):
    """A command on a store, which must be stopped."""

    at: str

    def answers(self, world: World) -> Codes:
        return on_store(world, self.at)

    def store(self, world: World) -> Store:
        """The store that it works on."""
        found = world.store(self.at)
        assert found is not None
        return found


@dataclass(frozen=True)
class Change(OnStore):
    """A command that changes a stopped store."""

    def writes(self, world: World) -> set[str]:
        return {self.at}

    def after_a_kill(self, world: World) -> list[World]:
        worlds = super().after_a_kill(world)
        for each in worlds:
            store = each.store(self.at)
            if store is not None:
                store.may_be_interrupted = True
        return worlds


@dataclass(frozen=True)
class InPlace(Change):
    """Takes a store back to an earlier state."""

    point: Point

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at):
            return refused | {"bad_point"}  # a backup is told so
        codes, _ = reached(self.store(world), self.point, world.now_ms)
        return codes | {"corruption", "log_pruned", "bad_point"} if self.store(world).damages else codes

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
            self.store(known).loss, self.store(known).lost_from = "open", store.damaged_from
            worlds.insert(1, known)
        return worlds


@dataclass(frozen=True)
class Replay(Change):
    """Builds the index again from the log, and puts it in place."""

    def run(self, real: Real) -> Any:
        return Reindex(real.disk, self.at, options_of()).apply(lambda done, total: None)

    def apply(self, world: World, result: Any = None) -> None:
        store = self.store(world)
        store.damages -= {"segment"}


@dataclass(frozen=True)
class Acknowledge(Change):
    """Says that a loss is known."""

    def run(self, real: Real) -> Any:
        return acknowledge_losses(real.disk, self.at, real.now_ms)

    def answers(self, world: World) -> Codes:
        return source(world, self.at) or JUST_DONE

    def apply(self, world: World, result: Any = None) -> None:
        store = self.store(world)
        if store.loss == "open":
            store.loss = "acknowledged"


@dataclass(frozen=True)
class LookForLoss(OnStore):
    """Asks what is lost."""

    def answers(self, world: World) -> Codes:
        return source(world, self.at, is_locked=False) or JUST_DONE

    def run(self, real: Real) -> Any:
        return read_losses(real.disk, self.at)

    def check(self, world: World, result: Any) -> None:
        store = world.store(self.at)
        must(store is None or result.is_open == (store.loss == "open"), f"it is said to have lost {result}")


@dataclass(frozen=True)
class LookAtRepair(OnStore):
    """Asks what a repair would do; a server may be running."""

    def answers(self, world: World) -> Codes:
        return on_store(world, self.at, is_locked=False)

    def run(self, real: Real) -> Any:
        return LogRepair(real.disk, self.at).look()

    def check(self, world: World, result: Any) -> None:
        is_needed = "log" in self.store(world).damages
        must(result.plan.is_needed == is_needed, f"a repair is said to be needed: {result.plan.is_needed}")


@dataclass(frozen=True)
class LookAtReplay(OnStore):
    """Builds a second index from the log, and compares."""

    def run(self, real: Real) -> Any:
        return Reindex(real.disk, self.at, options_of()).compare(lambda done, total: None)

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at, backups=True):
            return refused
        return on_store(world, self.at) if world.store(self.at) else frozenset({DONE, "corruption"})

    def check(self, world: World, result: Any) -> None:
        store = world.store(self.at)
        has_none = result.live_error == NO_INDEX  # of a log that was imported the next start makes one
        must(
            result.agrees or has_none or store is None or not store.is_whole, "the index differs from the log"
        )


@dataclass(frozen=True)
class Verify(OnStore):
    """Checks every byte of a store or a backup."""

    def answers(self, world: World) -> Codes:
        return source(world, self.at, backups=True) or JUST_DONE

    def run(self, real: Real) -> Any:
        return Verification(real.disk, self.at).run()

    def check(self, world: World, result: Any) -> None:
        found = world.folders[self.at]
        if isinstance(found, Backup):
            is_whole = not found.is_damaged and found.of.loss != "open"
        else:
            assert isinstance(found, Store)
            is_whole = found.is_whole
            if found.lsn == 0:
                return  # the start that made it may have been killed, and there is no log yet
        must(result.ok == is_whole, f"verify says {result.findings}")
