"""What steps are drawn from: folders that fit, and some that do not; ids, positions and points in time."""

from __future__ import annotations

import random
from typing import TypeVar

import msgspec

from asteroid_cloud.indexer import Point
from asteroid_cloud.indexer.model.ids import Id
from tests.promises.operations.driver.model import Backup, Exported, Folder, Store, World
from tests.support.names import NASTY

FIRST = "store"
STORES = (FIRST, "second", "third")
BACKUPS = ("monday", "tuesday", "wednesday")
EXPORTS = ("part", "whole")
TAGS = ("early", "late")
IDS = 12
WRITE_IDS_MAX = 5
NAMES_SHARE, OPTIONAL_SHARE = 0.5, 0.4
"""Of all histories, those whose ids are strings, and those with rows that need no vector."""
WRONG_SHARE = 0.1
"""Of all names that are drawn, those that name any folder, fitting or not."""
T = TypeVar("T")


class Choices:
    """Draws values for the steps of one seed; all stores of a seed have ids of one kind."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        kinds = random.Random(f"kinds of {seed}")
        self.has_names = kinds.random() < NAMES_SHARE
        """Whether ids are strings."""
        self.vector = "optional" if kinds.random() < OPTIONAL_SHARE else "required"
        self.pool: list[Id] = [*kinds.sample(NASTY, IDS)] if self.has_names else [*range(IDS)]
        self._draws = seed * 1000

    def one_of(self, values: list[T] | tuple[T, ...]) -> T:
        """One of several, each as likely."""
        return self.random.choice(values)

    def rows(self) -> int:
        """Names rows of which no two are alike."""
        self._draws += 1
        return self._draws

    def ids(self, least: int = 1) -> tuple[Id, ...]:
        """A few ids."""
        count = self.random.randint(least, WRITE_IDS_MAX)
        return tuple(self.pool[place] for place in sorted(self.random.sample(range(IDS), count)))

    def ids_again(self) -> tuple[Id, ...]:
        """A few ids, some of them twice, in any order."""
        return tuple(
            self.random.choices(self.pool[: WRITE_IDS_MAX + 1], k=self.random.randint(1, WRITE_IDS_MAX))
        )

    def is_there(self, world: World) -> tuple[Id, ...]:
        """Up to two ids that the served store holds, as a rule."""
        held = [*(world.open_store().now.rows or {})] if world.served else []
        if not held or self.random.random() < WRONG_SHARE:
            return self.ids(0)[:2]
        return tuple(self.random.sample(held, min(len(held), self.random.randrange(3))))

    def draw_of(self, world: World) -> int:
        """The number of a draw whose rows the served store may hold."""
        held = [*(world.open_store().now.rows or {}).values()] if world.served else []
        draws = [msgspec.json.decode(text).get("draw") for _, text in held if text]
        return self.one_of([draw for draw in draws if draw is not None] or [0])

    def store(self, world: World) -> str:
        """A store."""
        return self._fitting(_named(world, Store), (*STORES, *BACKUPS))

    def store_of(self, world: World, origin: int) -> str:
        """A store that has its beginning in common with others."""
        there = [name for name in STORES if (store := world.store(name)) and store.origin == origin]
        return self._fitting(there, STORES)

    def backup(self, world: World) -> str:
        """A backup."""
        return self._fitting(_named(world, Backup), (*STORES, *BACKUPS))

    def any(self, world: World) -> str:
        """A store or a backup."""
        return self.one_of(_named(world, Store, Backup))

    def new_store(self, world: World) -> str:
        """A name that no store has yet."""
        return self._fitting([name for name in STORES if world.store(name) is None], STORES)

    def new_backup(self, world: World) -> str:
        """A name that nothing has yet."""
        return self._fitting([name for name in BACKUPS if name not in world.folders], BACKUPS)

    def earlier_backup(self, world: World, into: str) -> str | None:
        """A backup that another, ``into``, can go on from, a damaged one rather; often none."""
        had = [name for name in _named(world, Backup) if name != into]
        damaged = [name for name in had if world.folders[name].is_damaged]
        return self.one_of([None, *had, *damaged, *damaged])

    def file(self, world: World) -> str | None:
        """An exported file, if there is one."""
        there = _named(world, Exported)
        return self.one_of(there) if there else None

    def file_number(self) -> int:
        """One of the first files of a backup more often than one of the last."""
        return self.random.randrange(self.one_of((3, 20)))

    def position(self, world: World) -> int:
        """A position of the store that is served: before, in, or behind its history, or abandoned."""
        if world.served is None:
            return 0
        store = world.open_store()
        return self.one_of([*store.states, *store.abandoned, store.lsn, store.lsn, store.lsn + 3])

    def point(self, world: World) -> Point:
        """A point in the history of a store, or one that it never had."""
        store = self.one_of([found for found in world.folders.values() if isinstance(found, Store)])
        lsns = [*store.states, *store.abandoned, store.lsn + 2]
        times = [*store.times.values(), world.now_ms, 1]
        return self.one_of(
            [
                Point(),
                Point(lsn=self.one_of(lsns)),
                Point(lsn=self.one_of(list(store.states))),
                Point(time_ms=self.one_of(times)),
                Point(time_ms=world.now_ms + self.one_of([2, 3_600_000])),
                Point(tag=self.one_of((*store.tags, *TAGS[:1]))),
            ]
        )

    def lsn_or_time(self, world: World) -> Point:
        """The same for what takes no tag."""
        return msgspec.structs.replace(self.point(world), tag=None)

    def _fitting(self, fitting: list[str], any_of: tuple[str, ...]) -> str:
        is_wrong = not fitting or self.random.random() < WRONG_SHARE
        return self.one_of(any_of if is_wrong else fitting)


def _named(world: World, *kinds: type[Folder]) -> list[str]:
    return [name for name, found in world.folders.items() if isinstance(found, kinds)]
