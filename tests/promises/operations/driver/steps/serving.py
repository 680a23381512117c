"""Steps that begin and end the serving of a store, and what all steps on a served one have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from asteroid_cloud.indexer import Engine
from tests.promises.operations.driver.looking import options_of
from tests.promises.operations.driver.model import Store, World
from tests.promises.operations.driver.real import Real
from tests.promises.operations.driver.steps.refusals import source
from tests.promises.operations.driver.steps.step import JUST_DONE, Codes, Step


@dataclass(frozen=True)
class Open(Step):
    """Serves a store; makes it if it is not there. It may be told to keep its whole log, or no longer.

    One that ``salvages`` gives up what is damaged, and serves a store that has lost something.
    """

    at: str
    keeps_log: bool | None = None
    salvages: bool = False
    enters: ClassVar[bool] = True

    def answers(self, world: World) -> Codes:
        store = world.store(self.at)
        if self.at not in world.folders or self._has_to_wait(world):
            return JUST_DONE
        is_lossy = store is not None and store.loss == "open" and not self.salvages
        if is_lossy and world.served != self.at:
            return frozenset({"degraded"})
        return source(world, self.at) or JUST_DONE

    def run(self, real: Real) -> bool:
        """Whether the log is damaged still: what lies before the checkpoint is not read at a start."""
        if not real.is_open or real.serves(self.at):
            real.open(self.at, options_of(keep_log=self.keeps_log, salvages=self.salvages))
        return real.log_is_damaged(self.at)

    def apply(self, world: World, result: Any = None) -> None:
        if self._has_to_wait(world):
            return
        store = world.store(self.at) or world.new_store()
        world.folders[self.at] = store
        world.served = self.at
        store.keeps_log = store.keeps_log if self.keeps_log is None else self.keeps_log
        store.keeps_all = store.keeps_all and store.keeps_log is True
        store.is_torn = store.may_be_bare = False
        if self.salvages:
            store.is_repaired = "log" in store.damages and not result
            store.is_salvaged = "segment" in store.damages
        store.damages = frozenset({"log"} if "log" in store.damages and result else ())
        store.may_be_trimmed = bool(store.damages)

    def writes(self, world: World) -> set[str]:
        return set() if self._has_to_wait(world) else {self.at}

    def after_a_kill(self, world: World) -> list[World]:
        before = world.store(self.at)
        is_interrupted = before is not None and before.may_be_interrupted
        is_bare = before is None or before.may_be_bare
        worlds = super().after_a_kill(world)
        if self.salvages and before is not None and before.damages:  # first of all the loss is recorded
            worlds.append(world.copy())
            worlds[-1].folders[self.at] = known = before.copy()
            known.lose(before.damaged_from if "log" in before.damages else 0)
        for store in filter(None, [each.store(self.at) for each in worlds]):
            store.may_be_interrupted, store.may_be_bare = is_interrupted, is_bare
            if self.keeps_log is not None:
                store.keeps_log = None
                store.keeps_all = store.keeps_all and self.keeps_log
        return worlds

    def _has_to_wait(self, world: World) -> bool:
        """Whether another store is served: one at a time is, here."""
        return world.served not in (None, self.at)


@dataclass(frozen=True)
class Served(Step):
    """A step that needs an open store; without one nothing is done."""

    stops_at_damage: ClassVar[bool] = False

    def answers(self, world: World) -> Codes:
        return self.answers_of(world.open_store()) if world.served else JUST_DONE

    def run(self, real: Real) -> Any:
        return real.do(self.call) if real.is_open else None

    def apply(self, world: World, result: Any = None) -> None:
        if world.served:
            self.apply_to(world.open_store(), world)

    def check(self, world: World, result: Any) -> None:
        if world.served:
            self.check_in(world.open_store(), result)

    def names(self, world: World) -> set[str]:
        return self.writes(world)

    def writes(self, world: World) -> set[str]:
        return {world.served} if world.served else set()

    def answers_of(self, store: Store) -> Codes:
        """As ``answers``."""
        return JUST_DONE

    async def call(self, engine: Engine) -> Any:
        """As ``run``."""

    def apply_to(self, store: Store, world: World) -> None:
        """As ``apply``."""

    def check_in(self, store: Store, result: Any) -> None:
        """As ``check``."""


@dataclass(frozen=True)
class Close(Served):
    """Stops the server in order."""

    def run(self, real: Real) -> None:
        if real.is_open:
            real.close()

    def apply(self, world: World, result: Any = None) -> None:
        world.served = None


@dataclass(frozen=True)
class Kill(Served):
    """Kills the server."""

    def run(self, real: Real) -> None:
        real.killed()

    def apply(self, world: World, result: Any = None) -> None:
        world.served = None
