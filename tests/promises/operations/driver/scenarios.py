"""Histories at random: what somebody might do next, given what there is, and sometimes what nobody should."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec

from asteroid_cloud.indexer import Point
from tests.promises.operations.driver.commands import (
    Acknowledge,
    InPlace,
    LookAtRepair,
    LookAtReplay,
    LookForLoss,
    Repair,
    Replay,
    Undo,
    Verify,
)
from tests.promises.operations.driver.copies import BackUp, Export, Import, ReplayInto, Restore, RestoreTo
from tests.promises.operations.driver.harm import Harm, RotBackup, RotLog, RotSegment, Tear
from tests.promises.operations.driver.model import Backup, Exported, Store, World
from tests.promises.operations.driver.runner import Draw, run_drawn
from tests.promises.operations.driver.serving import (
    Close,
    Delete,
    Feed,
    Flush,
    Kill,
    Open,
    Purge,
    Tag,
    Untag,
    WaitFor,
    Write,
    WriteIf,
)
from tests.promises.operations.driver.steps import Step

FIRST = "store"
STORES = (FIRST, "second", "third")
BACKUPS = ("monday", "tuesday", "wednesday")
EXPORTS = ("part", "whole")
TAGS = ("early", "late")
IDS = 12
WRITE_IDS_MAX = 5
CUT_SHARE = 0.25
CUTS_MAX = (4, 16, 64, 160)
"""A kill comes within the first few changes of the disk, or later on."""
FOLLOW_UP_SHARE = 0.3
"""Of the steps, those that go on with what was begun: a repair of what is damaged, an undo."""
WRONG_SHARE = 0.1
"""Of the steps, those that name any folder, fitting or not."""
STEPS = 30
Weighed = tuple[Draw, int]
"""How to draw a step of one kind, and how often."""


class Drawing:
    """Draws the steps of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._draws = seed * 1000

    def __call__(self, world: World) -> Step:
        """The next step."""
        if FIRST not in world.folders:
            return Open(at=FIRST, keeps_log=self._random.choice([True, True, None]))
        step = self._follow_up(world) or self._any_step(world)
        if self._random.random() < CUT_SHARE and not isinstance(step, Kill | Harm):
            return replace(step, cut=self._random.randrange(self._random.choice(CUTS_MAX)))
        return step

    def _any_step(self, world: World) -> Step:
        kinds = self._served() if world.served else self._stopped()
        return self._one_of(kinds)(world)

    def _one_of(self, kinds: list[Weighed]) -> Draw:
        (chosen,) = self._random.choices([draw for draw, _ in kinds], [weight for _, weight in kinds])
        return chosen

    def _follow_up(self, world: World) -> Step | None:
        if world.served or self._random.random() >= FOLLOW_UP_SHARE:
            return None
        wanted: list[Step] = []
        for name, found in world.folders.items():
            if isinstance(found, Store):
                wanted += [Repair(at=name)] if "log" in found.damages else []
                wanted += [Replay(at=name)] if "segment" in found.damages else []
                wanted += [Acknowledge(at=name), Open(at=name)] if found.loss == "open" else []
                wanted += [Undo(at=name), InPlace(at=name, point=Point())] if found.replaced else []
            elif isinstance(found, Backup) and found.is_damaged:
                at = self._store(world)
                wanted += [Restore(into=self._new(world), backup=name)]
                wanted += [BackUp(into=self._free_backup(world), at=at, previous=name)]
        return self._random.choice(wanted) if wanted else None

    def _served(self) -> list[Weighed]:
        return [
            (self._write, 14),
            (self._write_if, 3),
            (lambda world: Delete(ids=self._ids()), 2),
            (lambda world: Flush(), 4),
            (lambda world: Tag(name=self._of(TAGS)), 3),
            (lambda world: Untag(name=self._of(TAGS)), 1),
            (lambda world: Purge(), 1),
            (self._feed, 2),
            (lambda world: WaitFor(lsn=self._position(world)), 1),
            (self._back_up, 2),
            (lambda world: Close(), 4),
            (lambda world: Kill(), 3),
            (self._on_stopped, 2),
        ]

    def _stopped(self) -> list[Weighed]:
        return [
            (
                lambda world: Open(
                    at=self._store(world), keeps_log=self._random.choice([None, None, True, False])
                ),
                14,
            ),
            (self._on_stopped, 12),
            (self._back_up, 2),
            (lambda world: Tear(at=self._store(world)), 1),
            (lambda world: RotLog(at=self._store(world)), 2),
            (lambda world: RotSegment(at=self._store(world)), 1),
            (lambda world: RotBackup(at=self._backup(world), which=self._random.randrange(20)), 2),
        ]

    def _open(self, world: World) -> Step:
        return Open(at=self._store(world), keeps_log=self._random.choice([None, None, True, False]))

    def _on_stopped(self, world: World) -> Step:
        kinds: list[Weighed] = [
            (lambda world: Restore(into=self._new(world), backup=self._backup(world)), 2),
            (
                lambda world: RestoreTo(into=self._new(world), at=self._any(world), point=self._point(world)),
                2,
            ),
            (self._replay_into, 1),
            (lambda world: InPlace(at=self._store(world), point=self._point(world)), 4),
            (lambda world: Undo(at=self._store(world)), 2),
            (lambda world: Repair(at=self._store(world)), 1),
            (lambda world: Replay(at=self._store(world)), 1),
            (lambda world: Acknowledge(at=self._store(world)), 1),
            (self._transfer, 2),
            (lambda world: LookForLoss(at=self._store(world)), 1),
            (lambda world: LookAtRepair(at=self._store(world)), 1),
            (lambda world: LookAtReplay(at=self._store(world)), 1),
            (lambda world: Verify(at=self._any(world)), 1),
        ]
        return self._one_of(kinds)(world)

    def _of(self, names: tuple[str, ...]) -> str:
        return self._random.choice(names)

    def _ids(self) -> tuple[int, ...]:
        count = self._random.randint(1, WRITE_IDS_MAX)
        return tuple(sorted(self._random.sample(range(IDS), count)))

    def _write(self, world: World) -> Step:
        self._draws += 1
        return Write(ids=self._ids(), draw=self._draws)

    def _write_if(self, world: World) -> Step:
        self._draws += 1
        return WriteIf(ids=self._ids()[:1], draw=self._draws, since=self._position(world))

    def _feed(self, world: World) -> Step:
        return Feed(since=self._position(world))

    def _back_up(self, world: World) -> Step:
        at = world.served or self._store(world)
        into = self._free_backup(world)
        had = [name for name, found in world.folders.items() if isinstance(found, Backup) and name != into]
        return BackUp(into=into, at=at, previous=self._random.choice([None, *had]))

    def _transfer(self, world: World) -> Step:
        there = [name for name, found in world.folders.items() if isinstance(found, Exported)]
        if there and self._random.random() < 0.7:
            return Import(into=self._new(world), file=self._random.choice(there))
        return Export(into=self._of(EXPORTS), at=self._any(world))

    def _free_backup(self, world: World) -> str:
        free = [name for name in BACKUPS if name not in world.folders]
        return self._random.choice(free) if free and not self._is_wrong() else self._of(BACKUPS)

    def _restore_to(self, world: World) -> Step:
        return RestoreTo(into=self._new(world), at=self._any(world), point=self._point(world))

    def _replay_into(self, world: World) -> Step:
        point = msgspec.structs.replace(self._point(world), tag=None)
        return ReplayInto(into=self._new(world), at=self._any(world), point=point)

    def _is_wrong(self) -> bool:
        return self._random.random() < WRONG_SHARE

    def _store(self, world: World) -> str:
        there = [name for name, found in world.folders.items() if isinstance(found, Store)]
        return self._of((*STORES, *BACKUPS)) if self._is_wrong() or not there else self._random.choice(there)

    def _backup(self, world: World) -> str:
        there = [name for name, found in world.folders.items() if isinstance(found, Backup)]
        return self._of((*STORES, *BACKUPS)) if self._is_wrong() or not there else self._random.choice(there)

    def _any(self, world: World) -> str:
        there = [name for name, found in world.folders.items() if isinstance(found, Store | Backup)]
        return self._random.choice(there)

    def _new(self, world: World) -> str:
        free = [name for name in STORES if not isinstance(world.folders.get(name), Store)]
        return self._of(STORES) if self._is_wrong() or not free else self._random.choice(free)

    def _position(self, world: World) -> int:
        if world.served is None:
            return 0
        store = world.open_store()
        chosen = [*store.states, *store.abandoned, store.lsn, store.lsn, store.lsn + 3]
        return self._random.choice(chosen)

    def _point(self, world: World) -> Point:
        stores = [found for found in world.folders.values() if isinstance(found, Store)]
        store = self._random.choice(stores)
        lsns = [*store.states, *store.abandoned, store.lsn + 2]
        times = [*store.times.values(), world.now_ms, 1]
        return self._random.choice(
            [
                Point(),
                Point(lsn=self._random.choice(lsns)),
                Point(lsn=self._random.choice(list(store.states))),
                Point(time_ms=self._random.choice(times)),
                Point(time_ms=world.now_ms + self._random.choice([2, 3_600_000])),
                Point(tag=self._of((*store.tags, *TAGS[:1]))),
            ]
        )


def history(seed: int, steps: int = STEPS) -> list[Step]:
    """Runs the history of a seed; its steps. Raises Violation with a short history that shows it."""
    return run_drawn(seed, steps, Drawing(seed))
