"""Histories of a store with several collections, killed anywhere, backed up and restored.

    python -m tests.promises.collections.histories --histories 1000 --seed 7

Each history uses the next seed. It stops at the first violation with exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Coroutine
from itertools import combinations
from typing import Any, TypeVar

from asteroid_cloud.indexer import Verification, back_up_whole_store, restore_backup, restore_whole_store
from asteroid_cloud.indexer.catalog.opening import open_catalog
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.store import FolderKind, kind_of
from tests.promises.collections.looking import opened, repeatable_collections, seen, seen_in
from tests.promises.collections.script import DEFAULT, Call, Drawing, Model
from tests.promises.operations.driver.disk import KillableFiles, Killed
from tests.promises.power.check import ROOT, Violation
from tests.support.seeded_loop import SeededLoop, threads_in_place

LIVES, STEPS_MAX = 5, 8
KILLED_SHARE, COPIED_SHARE = 0.6, 0.4
CUTS_MAX = (6, 40, 160)
T = TypeVar("T")


class WatchedFiles(KillableFiles):
    """Tells the moment when the process dies."""

    died: asyncio.Future[None] | None = None

    def change(self, *, is_rename: bool = False) -> None:
        """As ``KillableFiles.change``."""
        try:
            super().change(is_rename=is_rename)
        except Killed:
            if self.died is not None and not self.died.done():
                self.died.set_result(None)
            raise


class History:
    """One store from life to life."""

    def __init__(self, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.told: list[str] = []
        self._seed = seed
        self._random = random.Random(f"lives of {seed}")
        self._drawing = Drawing(seed)
        self._disk = WatchedFiles()
        self._model = Model()
        self._doubtful: list[Call] = []
        self._backups: list[tuple[str, Model]] = []
        self._has_begun = False

    def run(self) -> None:
        """Lives one after the other; after each the store holds what was acknowledged. Raises Violation."""
        try:
            for _ in range(LIVES):
                self._live()
                self._look()
                if self._random.random() < COPIED_SHARE:
                    self._copy()
        except (AsteroidError, AssertionError, ExceptionGroup) as error:
            raise Violation(f"seed {self._seed}: {error}\n  " + "\n  ".join(self.told)) from error

    def _live(self) -> None:
        if self._random.random() < KILLED_SHARE:
            self._disk.kill_after(self._random.randrange(self._random.choice(CUTS_MAX)))
        self._doubtful = []
        self.told.append("open")
        try:
            self._in_loop(self._steps())
            self.told.append("close")
        except Killed:
            self.done["kill"] += 1
            self.told.append("killed")
        self._disk.revive()

    async def _steps(self) -> None:
        async with opened(self._disk) as all_:
            self._has_begun = True
            for _ in range(self._random.randint(1, STEPS_MAX)):
                step = self._drawing.step(self._model)
                self.told.append(" | ".join(call.told for call in step))
                self._doubtful = list(step)

                async def make(call: Call) -> None:
                    await call.do(all_)
                    self._doubtful.remove(call)
                    self._model = call.change(self._model)
                    self.done[call.told.split()[0]] += 1

                await asyncio.gather(*map(make, step))
            if (found := await seen(all_, self._disk)) != self._model.contents():
                raise Violation(f"it holds {found}, not {self._model.contents()}")

    def _look(self) -> None:
        """The store, opened on a copy of the disk, is one of those that there may be."""
        found = self._in_loop(seen_in(self._disk.copy_of(ROOT)))
        choices = [
            chosen
            for count in range(len(self._doubtful) + 1)
            for chosen in combinations(self._doubtful, count)
        ]
        allowed = []
        for chosen in choices:
            model = self._model
            for call in chosen:
                model = call.change(model)
            if model.contents() == found:
                self._model = model
                return
            allowed.append(model.contents())
        raise Violation(f"it holds {found}, not one of {allowed}")

    def _copy(self) -> None:
        """A backup of all, as a rule linked to the one before, of which all, or one alone, comes back."""
        if not self._has_begun:
            return  # killed before there was a whole one
        name, previous = f"backup-{len(self._backups)}", self._backups[-1][0] if self._backups else None
        if self._random.random() < KILLED_SHARE / 2:
            self._disk.kill_after(self._random.randrange(CUTS_MAX[-1]))
            try:
                back_up_whole_store(self._disk, ROOT, name, previous)
            except Killed:
                self.told.append(f"killed backup {name}")
                self._disk.revive()
                self._check_nothing_made(name)
                return
            self._disk.revive()
        else:
            back_up_whole_store(self._disk, ROOT, name, previous)
        self.done["backup"] += 1
        self.told.append(f"backup {name} {previous}")
        self._backups.append((name, self._model))
        self._restore()

    def _check_nothing_made(self, name: str) -> None:
        """A backup that was killed is none, or is whole."""
        kind = kind_of(self._disk, name)
        if kind is FolderKind.BACKUP:
            self._backups.append((name, self._model))
        elif kind not in (FolderKind.ABSENT, FolderKind.EMPTY, FolderKind.INCOMPLETE):
            raise Violation(f"half a backup is taken for {kind}")

    def _restore(self) -> None:
        name, model = self._random.choice(self._backups)
        layout, into = StoreLayout(name), f"restored-{self.done['restore']}"
        for entry in (None, *open_catalog(self._disk, layout).entries.values()):
            checked = Verification(self._disk, name, DEFAULT if entry is None else entry.id).run()
            if checked.findings:
                raise Violation(f"{name} of {entry}: {checked.findings}")
        restore_whole_store(self._disk, name, into)
        self.done["restore"] += 1
        if (found := self._in_loop(seen_in(self._disk.copy_of(into), into))) != model.contents():
            raise Violation(f"{name} is restored as {found}, not {model.contents()}")
        self._restore_one(name, model)

    def _restore_one(self, name: str, model: Model) -> None:
        entries = [*open_catalog(self._disk, StoreLayout(name)).entries.values()]
        if not entries:
            return
        entry = self._random.choice(entries)
        into = f"{entry.name}-{self.done['restore of one']}"
        restore_backup(self._disk, StoreLayout(name).collection(entry.id).folder, into)
        self.done["restore of one"] += 1
        (row,), aliases = self._in_loop(seen_in(self._disk.copy_of(into), into))
        held = model.held[entry.name]
        expected = (DEFAULT, held.ids, held.vector, *held.stored.contents()[1:3])
        if row != expected or aliases:
            raise Violation(f"{entry.name} of {name} is restored as {row}, not {expected}")

    def _in_loop(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs it on the schedule of the seed until its end, or until the process dies: raises Killed."""
        loop = SeededLoop(self._random.randrange(2**31))
        asyncio.set_event_loop(loop)
        self._disk.died = died = loop.create_future()
        try:
            task = loop.create_task(main)
            loop.run_until_complete(asyncio.wait({task, died}, return_when=asyncio.FIRST_COMPLETED))
            if self._disk.is_dead:
                raise Killed
            return task.result()
        finally:
            self._disk.died = None
            _end_all(loop)


def _end_all(loop: SeededLoop) -> None:
    """Ends what is left in a loop, and the loop."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    for task in left:
        if not task.cancelled():
            task.exception()  # it was asked for: nobody needs to be told
    asyncio.set_event_loop(None)
    loop.close()


def history(seed: int) -> Counter[str]:
    """Runs the history of a seed; how often each thing was done. Raises Violation."""
    made = History(seed)
    logging.disable(logging.CRITICAL)
    try:
        with threads_in_place(), repeatable_collections(seed):
            made.run()
    finally:
        logging.disable(logging.NOTSET)
    return made.done


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.promises.collections.histories", description=__doc__
    )
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    began_s, done = time.monotonic(), Counter[str]()
    try:
        for number in range(arguments.histories):
            done.update(history(seed + number))
    except Violation as violation:
        sys.exit(f"VIOLATION: {violation}")
    told = ", ".join(f"{count} × {what}" for what, count in sorted(done.items()))
    sys.stdout.write(f"{arguments.histories} histories from seed {seed} on: {told}; ")
    sys.stdout.write(f"{time.monotonic() - began_s:.0f} s: nothing lost, nothing half there\n")


if __name__ == "__main__":
    main()
