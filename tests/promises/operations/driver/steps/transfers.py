"""Steps that carry a log elsewhere: into a store that is built from it alone, into a file, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import Point, check_backed_up_log, reindex_into
from asteroid_cloud.wal.store import peek
from asteroid_cloud.wal.transfer import export_log, import_log
from tests.promises.operations.driver.looking import options_of
from tests.promises.operations.driver.model import Exported, Store, World
from tests.promises.operations.driver.real import Real
from tests.promises.operations.driver.steps.copies import Make, what_is_read
from tests.promises.operations.driver.steps.refusals import NOT_FOUND, is_free, reached, source
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, must


@dataclass(frozen=True)
class ReplayInto(Make):
    """Makes a store from nothing but the log of another."""

    at: str
    point: Point

    def answers(self, world: World) -> Codes:
        if refused := source(world, self.at, backups=True, is_locked=False):
            return refused
        store = what_is_read(world, self.at)
        codes, _ = reached(store, self.point, world.now_ms)
        if not store.keeps_all:  # it needs the log from the first record on, whatever the point is
            codes |= {"log_pruned"}
        return codes if is_free(world, self.into) else codes - {DONE} | {"not_empty"}

    def run(self, real: Real) -> Any:
        options = options_of()
        check_backed_up_log(real.disk, self.at)
        return reindex_into(real.disk, self.at, self.into, self.point, options, lambda done, total: None)

    def apply(self, world: World, result: Any = None) -> None:
        store = what_is_read(world, self.at)
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
        return JUST_DONE if is_free(world, self.into) else frozenset({"exists"})

    def run(self, real: Real) -> Any:
        peek(real.disk, self.at, backups=True)  # as the command does
        check_backed_up_log(real.disk, self.at)
        return export_log(real.disk, f"{self.at}/wal", self.into)

    def apply(self, world: World, result: Any = None) -> None:
        world.folders[self.into] = Exported(what_is_read(world, self.at).copy())

    def check(self, world: World, result: Any) -> None:
        made = world.folders[self.into]
        assert isinstance(made, Exported)
        must(result.last_lsn == made.of.lsn, f"the file ends with record {result.last_lsn}")


@dataclass(frozen=True)
class Import(Make):
    """Makes a store from an exported file, or lets one go on that holds the beginning of it."""

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
        made.lost_rows, made.doubtful_rows = had.lost_rows, had.doubtful_rows
        made.keeps_log, made.may_be_bare = had.keeps_log, False
        made.given_out |= had.given_out
        world.folders[self.into] = made

    def _goes_on(self, world: World) -> bool:
        """Whether the file holds all that the store in its way holds."""
        store, found = world.store(self.into), world.folders[self.file]
        assert isinstance(found, Exported)
        return store is not None and store.states.items() <= found.of.states.items()
