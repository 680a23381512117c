"""Schedules: the tasks of the engine, its callers and its readers run in an order that comes from a seed.

Writers go on while memtables are sealed, segments are merged, manifests are written, the log is trimmed and
bulk loads are taken in. Readers hold snapshots meanwhile and look at them again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio

from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.query import MATCH_ALL, FilterCache
from asteroid_cloud.query.selection.matching_rows import searchable_rows
from asteroid_cloud.wal.errors import AsteroidError
from tests.promises.power.check import ROOT, Violation, contents_of, repeatable
from tests.promises.power.recording import MappableFiles
from tests.promises.power.script import OPTIONS, Call, Script
from tests.promises.power.stored import DIM, Stored
from tests.support.engines import find, vectors
from tests.support.seeded_loop import SeededLoop, Stuck, run_seeded

STEPS = 7
READERS = 2
LOOKS_MAX = 15


class Reader:
    """Looks at snapshots. A snapshot never changes, and a new one has everything acknowledged before it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: list[tuple[Snapshot, int, str]] = []

    async def read(self, until: Callable[[], bool]) -> None:
        """Takes a snapshot now and then, and checks all snapshots that it holds again."""
        loop, newest = asyncio.get_running_loop(), 0
        assert isinstance(loop, SeededLoop)
        for _ in range(LOOKS_MAX):
            if until():
                break
            lsn = self._engine.applied_lsn
            if lsn < newest:
                raise Violation(f"readers saw record {newest}, then only {lsn}")
            newest = lsn
            if self._engine.spec is not None:
                snapshot = self._engine.snapshot()
                self._held.append((snapshot, snapshot.live, snapshot_digest(snapshot)))
                hits = find(self._engine, vectors(1, DIM, lsn), k=100)
                found = hits.ids[0][: hits.found[0]].tolist()
                wanted = rows_with_vectors(snapshot)
                if len(set(found)) != len(found) or len(found) != wanted:
                    raise Violation(f"a search for all found {sorted(found)} of {wanted}")
            self.look_again(2)
            for _turn in range(loop.random.randrange(150)):
                await asyncio.sleep(0)

    def look_again(self, last: int) -> None:
        """Raises Violation if a snapshot shows something else than before."""
        for snapshot, live, digest in self._held[-last:]:
            if (snapshot.live, snapshot_digest(snapshot)) != (live, digest):
                raise Violation("a snapshot changed after it was taken")


def rows_with_vectors(snapshot: Snapshot) -> int:
    """How many rows a search can find."""
    cache = FilterCache()
    return sum(searchable_rows(view, MATCH_ALL, cache).count for view in snapshot.parts)


class Writers:
    """Makes the calls of a script, those of one step together. Each reads its own write back."""

    def __init__(self, script: Script, engine: Engine) -> None:
        self.expected = Stored(None)
        self.is_done = False
        self._script = script
        self._engine = engine

    async def run(self) -> None:
        """Makes them; after each step the engine holds what was acknowledged, nothing else."""
        for step in self._script.steps:
            async with anyio.create_task_group() as group:
                for call in step:
                    group.start_soon(self._make, call)
            for call in step:
                self.expected = call.change(self.expected)
            self.check("after a step")
        self.is_done = True

    def check(self, when: str) -> None:
        """Compares."""
        found, expected = contents_of(self._engine), self.expected.contents()
        if found != expected:
            raise Violation(f"{when}: {found}, not {expected}")

    async def _make(self, call: Call) -> None:
        before = self._engine.applied_lsn
        await call.do(self._engine)
        if call.is_write and self._engine.applied_lsn < before:
            raise Violation("a write was told before readers could see it")


async def _live(script: Script, files: MappableFiles) -> Stored:
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        writers = Writers(script, engine)
        readers = [Reader(engine) for _ in range(READERS)]
        async with anyio.create_task_group() as group:
            for reader in readers:
                group.start_soon(reader.read, lambda: writers.is_done)
            await writers.run()
        for reader in readers:
            reader.look_again(LOOKS_MAX)
        if engine.failure is not None:
            raise Violation(f"the store stopped: {engine.failure}")
    return writers.expected


async def _again(expected: Stored, files: MappableFiles) -> None:
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        if engine.recovery.mended:
            raise Violation(f"what was left had to be mended: {engine.recovery.mended}")
        if (found := contents_of(engine)) != expected.contents():
            raise Violation(f"after a start: {found}, not {expected.contents()}")


def run_schedule(seed: int, steps: int = STEPS) -> None:
    """Runs one schedule of one script, and opens what it leaves; raises Violation."""
    script, files = Script(seed % 50, steps, bulk_at=1 + seed % 3), MappableFiles()

    async def main() -> None:
        await _again(await _live(script, files), files)

    with repeatable(seed):
        try:
            run_seeded(seed, main)
        except (AsteroidError, AssertionError, ExceptionGroup, Stuck) as error:
            raise Violation(f"schedule {seed}: {error!r}") from error
