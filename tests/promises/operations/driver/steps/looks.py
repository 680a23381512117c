"""Steps that look at a stopped store and change nothing: checks, and what a repair or a replay would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from asteroid_cloud.indexer import LogRepair, Reindex, Verification, read_losses
from tests.promises.operations.driver.looking import options_of
from tests.promises.operations.driver.model import Backup, World
from tests.promises.operations.driver.real import Real
from tests.promises.operations.driver.steps.changes import OnStore
from tests.promises.operations.driver.steps.refusals import is_damaged, source
from tests.promises.operations.driver.steps.step import JUST_DONE, Codes, must

NO_INDEX = "it is missing"


@dataclass(frozen=True)
class LookForLoss(OnStore):
    """Asks what is lost; a server may be running."""

    stops_at_damage: ClassVar[bool] = False

    def answers(self, world: World) -> Codes:
        return source(world, self.at, is_locked=False) or JUST_DONE

    def run(self, real: Real) -> Any:
        return read_losses(real.disk, self.at)

    def check(self, world: World, result: Any) -> None:
        must(result.is_open == (self.store(world).loss == "open"), f"it is said to have lost {result}")


@dataclass(frozen=True)
class LookAtRepair(OnStore):
    """Asks what a repair would do; a server may be running."""

    def answers(self, world: World) -> Codes:
        return source(world, self.at, is_locked=False) or JUST_DONE

    def run(self, real: Real) -> Any:
        return LogRepair(real.disk, self.at).look()

    def check(self, world: World, result: Any) -> None:
        is_needed = "log" in self.store(world).damages
        must(result.plan.is_needed == is_needed, f"a repair is said to be needed: {result.plan.is_needed}")


@dataclass(frozen=True)
class LookAtReplay(OnStore):
    """Builds a second index from the log, of a backup too, and compares."""

    def answers(self, world: World) -> Codes:
        return source(world, self.at, backups=True) or JUST_DONE

    def run(self, real: Real) -> Any:
        return Reindex(real.disk, self.at, options_of()).compare(lambda done, total: None)

    def check(self, world: World, result: Any) -> None:
        found = world.folders[self.at]
        has_none = result.live_error == NO_INDEX  # of a log that was imported the next start makes one
        must(result.agrees or has_none or is_damaged(found), f"the index differs from the log: {result}")


@dataclass(frozen=True)
class Verify(OnStore):
    """Checks every byte of a store or a backup; a server may be running."""

    stops_at_damage: ClassVar[bool] = False

    def answers(self, world: World) -> Codes:
        return source(world, self.at, is_locked=False, backups=True) or JUST_DONE

    def run(self, real: Real) -> Any:
        return Verification(real.disk, self.at).run()

    def check(self, world: World, result: Any) -> None:
        found = world.folders[self.at]
        store = found.of if isinstance(found, Backup) else self.store(world)
        is_whole = store.loss != "open" and not is_damaged(found)
        must(result.ok == is_whole or store.may_be_bare, f"verify says {result.findings}")
