"""Steps that make something of a store: backups, restored stores, exported files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import (
    Point,
    PointInTimeRestore,
    backup_stopped_store,
    check_backed_up_log,
    reindex_into,
    restore_backup,
)
from asteroid_cloud.wal.store import peek
from asteroid_cloud.wal.transfer import export_log, import_log
from tests.promises.operations.driver.model import Backup, Exported, Store, Unfinished, World
from tests.promises.operations.driver.real import Real, options_of
from tests.promises.operations.driver.steps import (
    DONE,
    JUST_DONE,
    NOT_FOUND,
    Codes,
    Step,
    is_free,
    must,
    on_store,
    reached,
    source,
)


def what_is_read(world: World, name: str) -> tuple[Store, bool]:
    """The store, or that of the backup, from which something is made; and whether it is damaged."""
    found = world.folders[name]
    if isinstance(found, Backup):
        return found.of, found.is_damaged
    assert isinstance(found, Store)
    return found, bool(found.damages)


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
        if not is_free(world, self.into):
            wanted = frozenset({"backup_exists"}) | self._linked(world) - JUST_DONE
            return on_store(world, self.at, wanted, is_locked=False)
        return on_store(world, self.at, self._linked(world), is_locked=False)

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
        copied = store.copy()
        copied.is_torn, copied.damages, copied.may_be_interrupted = False, frozenset(), False
        copied.replaced = []
        world.folders[self.into] = Backup(copied, world.now_ms)

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
            return NOT_FOUND
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
        store, is_damaged = what_is_read(world, self.at)
        backup = world.backup(self.at)
        codes, _ = reached(store, self.point, world.now_ms if backup is None else backup.made_ms)
        codes = codes if is_free(world, self.into) else codes - {DONE} | {"not_empty"}
        return codes | {"corruption", "log_pruned", "bad_point"} if is_damaged else codes

    def run(self, real: Real) -> Any:
        return PointInTimeRestore(real.disk, self.at).to_new(self.into, self.point)

    def apply(self, world: World, result: Any = None) -> None:
        store, _ = what_is_read(world, self.at)
        _, lsn = reached(store, self.point, world.now_ms)
        world.folders[self.into] = store.as_of(lsn)


@dataclass(frozen=True)
class ReplayInto(Make):
    """Makes a store from nothing but the log of another."""

    at: str
    point: Point

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at, backups=True, is_locked=False):
            return refused
        store, is_damaged = what_is_read(world, self.at)
        if not store.keeps_all:
            return frozenset({DONE, "log_pruned", "bad_point", "other_history", "not_empty", "corruption"})
        codes, _ = reached(store, self.point, world.now_ms)
        codes = codes if is_free(world, self.into) else codes - {DONE} | {"not_empty"}
        return codes | {"corruption"} if is_damaged else codes

    def run(self, real: Real) -> Any:
        options = options_of()
        check_backed_up_log(real.disk, self.at)
        return reindex_into(real.disk, self.at, self.into, self.point, options, lambda done, total: None)

    def apply(self, world: World, result: Any = None) -> None:
        store, _ = what_is_read(world, self.at)
        _, lsn = reached(store, self.point, world.now_ms)
        made = store.as_of(lsn)
        made.tags, made.keeps_all = {}, True
        world.folders[self.into] = made


@dataclass(frozen=True)
class Export(Make):
    """Writes all records of a log into one file."""

    at: str

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at, backups=True, is_locked=False):
            return refused
        _, is_damaged = what_is_read(world, self.at)
        answers = JUST_DONE if is_free(world, self.into) else frozenset({"exists"})
        return answers | {"corruption"} if is_damaged else answers

    def run(self, real: Real) -> Any:
        peek(real.disk, self.at, backups=True)  # as the command does
        check_backed_up_log(real.disk, self.at)
        return export_log(real.disk, f"{self.at}/wal", self.into)

    def apply(self, world: World, result: Any = None) -> None:
        store, _ = what_is_read(world, self.at)
        world.folders[self.into] = Exported(store.copy())

    def check(self, world: World, result: Any) -> None:
        made = world.folders[self.into]
        assert isinstance(made, Exported)
        must(result.last_lsn == made.of.lsn, f"the file ends with record {result.last_lsn}")


@dataclass(frozen=True)
class Import(Make):
    """Makes a store from an exported file."""

    file: str

    def answers(self, world: World) -> Codes:
        found = world.folders.get(self.file)
        if not isinstance(found, Exported):
            return NOT_FOUND | {"storage_error"}
        if not is_free(world, self.into):
            refused = frozenset({"lsn_mismatch", "another_store", "corruption"})
            return source(world, self.into) or (refused | JUST_DONE if self._goes_on(world) else refused)
        return JUST_DONE if found.of.keeps_all else frozenset({DONE, "log_pruned"})

    def run(self, real: Real) -> Any:
        return import_log(real.disk, self.file, self.into)

    def apply(self, world: World, result: Any = None) -> None:
        found = world.folders[self.file]
        assert isinstance(found, Exported)
        made, had = found.of.copy(), world.store(self.into) or Store()
        made.tags, made.replaced, made.loss, made.lost_from = had.tags, had.replaced, had.loss, had.lost_from
        made.keeps_all, made.damages, made.is_torn = had.keeps_all, had.damages, False
        made.keeps_log = had.keeps_log
        made.given_out |= had.given_out
        world.folders[self.into] = made

    def _goes_on(self, world: World) -> bool:
        """Whether the file holds all that the store in its way holds."""
        store, found = world.store(self.into), world.folders[self.file]
        assert isinstance(found, Exported)
        return store is not None and store.states.items() <= found.of.states.items()
