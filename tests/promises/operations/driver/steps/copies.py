"""Steps that make a copy of a store: backups, and stores restored from a backup or to an earlier state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import Point, PointInTimeRestore, backup_stopped_store, restore_backup
from tests.promises.operations.driver.model import Backup, Store, Unfinished, World
from tests.promises.operations.driver.real import Real
from tests.promises.operations.driver.steps.refusals import NOT_FOUND, is_free, reached, source
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, Step, must


def what_is_read(world: World, name: str) -> Store:
    """The store, or that of the backup, from which something is made."""
    found = world.folders[name]
    if isinstance(found, Backup):
        return found.of
    assert isinstance(found, Store)
    return found


@dataclass(frozen=True)
class Make(Step):
    """Makes the new folder or file ``into``; killed, it leaves all of it, or nothing that is taken for it."""

    into: str

    def writes(self, world: World) -> set[str]:
        return {self.into}

    def after_a_kill(self, world: World) -> list[World]:
        return [*self.after_a_refusal(world), *super().after_a_kill(world)]

    def after_a_refusal(self, world: World) -> list[World]:
        begun = world.copy()
        if is_free(world, self.into):
            begun.folders[self.into] = Unfinished()
        return [begun]


@dataclass(frozen=True)
class BackUp(Make):
    """Backs a store up, open or stopped; with ``previous``, segments of that backup are linked."""

    at: str
    previous: str | None = None

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at, is_locked=False):
            return refused
        linked = self._linked(world)
        return linked if is_free(world, self.into) else linked - JUST_DONE | {"backup_exists"}

    def _linked(self, world: World) -> Codes:
        """What may be answered because of the earlier backup."""
        store, earlier = world.store(self.at), world.backup(self.previous or "")
        if self.previous is not None and earlier is None:
            return NOT_FOUND
        if store is not None and earlier is not None and earlier.of.origin != store.origin:
            return frozenset({"backup_of_another_store"})
        return JUST_DONE

    def run(self, real: Real) -> Any:
        if real.serves(self.at):
            return real.do(lambda engine: engine.backup(self.into, self.previous))
        return backup_stopped_store(real.disk, self.at, self.into, self.previous)

    def apply(self, world: World, result: Any = None) -> None:
        store = world.store(self.at)
        assert store is not None
        world.folders[self.into] = Backup(store.backed_up(), world.now_ms)

    def check(self, world: World, result: Any) -> None:
        made = world.backup(self.into)
        must(made is not None and result.lsn == made.of.lsn, f"the backup reaches record {result.lsn}")


@dataclass(frozen=True)
class Restore(Make):
    """Makes a store from a backup."""

    backup: str

    def answers(self, world: World) -> Codes:
        found = world.backup(self.backup)
        if found is None:
            is_begun = isinstance(world.folders.get(self.backup), Unfinished)
            return NOT_FOUND | {"incomplete"} if is_begun else NOT_FOUND
        if not is_free(world, self.into):
            return frozenset({"not_empty"})
        return frozenset({"corruption"}) if found.is_damaged else JUST_DONE

    def run(self, real: Real) -> Any:
        return restore_backup(real.disk, self.backup, self.into)

    def apply(self, world: World, result: Any = None) -> None:
        found = world.backup(self.backup)
        assert found is not None
        made = found.of.as_of(found.of.lsn)
        made.keeps_all = found.of.keeps_all
        world.folders[self.into] = made


@dataclass(frozen=True)
class RestoreTo(Make):
    """Makes a store from an earlier state of a store, or of a backup."""

    at: str
    point: Point

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at, backups=True):
            return refused
        codes, _ = self._reached(world)
        return codes if is_free(world, self.into) else codes - {DONE} | {"not_empty"}

    def run(self, real: Real) -> Any:
        return PointInTimeRestore(real.disk, self.at).to_new(self.into, self.point)

    def apply(self, world: World, result: Any = None) -> None:
        _, lsn = self._reached(world)
        world.folders[self.into] = what_is_read(world, self.at).as_of(lsn)

    def _reached(self, world: World) -> tuple[Codes, int]:
        backup = world.backup(self.at)
        known_until_ms = world.now_ms if backup is None else backup.made_ms
        return reached(what_is_read(world, self.at), self.point, known_until_ms)
