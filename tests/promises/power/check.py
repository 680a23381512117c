"""Opens crash images with the real engine and reports the first one that is wrong."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer import bulk_load as bulk
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_checkpoint
from asteroid_cloud.indexer.history import history
from asteroid_cloud.indexer.history.tags import read_tag, tags_of
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.part import PartView
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.wal.append import local_log as local
from asteroid_cloud.wal.append import sequencer, writer
from asteroid_cloud.wal.disk.layout import StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from tests.promises.power.images import Cut, Image, Images, Key
from tests.promises.power.recording import MappableFiles, RecordingFiles
from tests.promises.power.script import OPTIONS, Script, Told, run
from tests.promises.power.stored import DIM, Contents, Stored
from tests.support.engines import vectors
from tests.support.probe import data_directory, inside
from tests.support.seeded_loop import run_seeded, threads_in_place

LOG_FILE_BYTES = 3000
ROOT = "store"
Look = Callable[[MappableFiles], Awaitable[Any]]
GoesOn = Callable[[MappableFiles], Awaitable[None]]


class Violation(AssertionError):
    """An image does not open, or holds something that it must not hold."""


@dataclass
class Figures:
    """What one check has done."""

    operations: int = 0
    images: int = 0
    opened: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{self.operations} operations ({kinds}), {self.images} images, {self.opened} of them different, "
            f"{self.seconds:.1f} s: nothing acknowledged lost, nothing half there, all open, twice alike"
        )


def record(seed: int, steps: int, *, is_plain: bool = False) -> tuple[Script, RecordingFiles]:
    """Runs the script of a seed. The same seed also decides the order of the tasks."""
    script, files = Script(seed, steps, is_plain=is_plain), RecordingFiles()

    async def main() -> None:
        async with Engine.open(ROOT, OPTIONS, files=files) as engine:
            await engine.ready()
            await run(script.steps, engine, files.note)

    with repeatable(seed):
        try:
            run_seeded(seed, main)
        except (AsteroidError, ExceptionGroup) as error:
            raise Violation(f"seed {seed}: the run itself failed: {error!r}") from error
    return script, files


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """While the block runs, log files are small, and their random values and times come from the seed."""
    drawn, clock_ns = random.Random(seed), count(10**18, 10**6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "LOG_FILE_BYTES_MAX", LOG_FILE_BYTES)
        patch.setattr(sequencer, "time", SimpleNamespace(time_ns=lambda: next(clock_ns)))
        patch.setattr(history, "time", SimpleNamespace(time_ns=lambda: next(clock_ns)))
        patch.setattr(local, "secrets", SimpleNamespace(token_bytes=drawn.randbytes))
        patch.setattr(bulk, "secrets", SimpleNamespace(randbits=drawn.getrandbits))
        yield


def contents_of(engine: Engine) -> Contents:
    """What an engine holds, and what each tag names."""
    files, layout, tags = inside(engine).builder.files, StoreLayout(data_directory(engine)).collection(), []
    for each in tags_of(files, layout):
        manifest = read_tag(files, layout, each.name).decoded()
        tagged = open_checkpoint(files, layout.index, manifest, engine.identity)
        assert tagged.spec is not None
        views = tuple(
            PartView(part, part.rows, part.live, ~part.deletions.dead_as_of(tagged.applied_lsn))
            for part in tagged.segments
        )
        rows = sum(view.live for view in views)
        digest = snapshot_digest(Snapshot(tagged.applied_lsn, tagged.spec, views, rows))
        tags.append((each.name, rows, digest))
    named = tuple(sorted(tags))
    if engine.spec is None:
        return False, 0, f"{0:032x}", named
    snapshot = engine.snapshot()
    return True, snapshot.live, snapshot_digest(snapshot), named


class Opener:
    """Opens each distinct image once, and each state that recovery leaves a second time.

    ``look`` says what the store on a disk holds, ``goes_on`` raises Violation unless it takes writes.
    """

    def __init__(self, look: Look | None = None, goes_on: GoesOn | None = None) -> None:
        self.opened = 0
        self._look, self._goes_on = look or _contents, goes_on or _goes_on
        self._known: dict[Key, Any] = {}
        self._settled: dict[frozenset[tuple[str, bytes]], Any] = {}

    async def contents(self, key: Key, image: Callable[[Key], Image]) -> Any:
        """What the store in the image holds; opening it a second time must give the same."""
        if key not in self._known:
            self._known[key] = await self._open(image(key))
        return self._known[key]

    async def _open(self, image: Image) -> Any:
        self.opened += 1
        files = MappableFiles(image)
        first = await self._look(files)
        settled = frozenset(
            (path, bytes(data)) for path, data in files.contents.items() if not path.endswith(".broken")
        )
        if settled not in self._settled:
            self._settled[settled] = await self._look(files)
            await self._goes_on(files)
        if self._settled[settled] != first:
            raise Violation(f"opened as {first}, the second time as {self._settled[settled]}")
        return first


async def _contents(files: MappableFiles) -> Contents:
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        if engine.recovery.mended or engine.recovery.losses.is_open:
            raise Violation(f"a power cut left what had to be mended: {engine.recovery.mended}")
        return contents_of(engine)


async def _goes_on(files: MappableFiles) -> None:
    """A write after recovery is accepted, and is still there after the next start."""
    async with Engine.open(ROOT, OPTIONS, files=files) as engine:
        await engine.ready()
        if engine.spec is None:
            await engine.create_index(DIM, "l2")
        ids = engine.snapshot().spec.ids.of(["after" if engine.snapshot().spec.has_string_ids else 10**6])
        await engine.upsert(ids, vectors(1, DIM), [b'{"after":1}'])
        written = contents_of(engine)
    if (found := await _contents(files)) != written:
        raise Violation(f"after a write there was {written}, after the next start {found}")


async def check_images(
    told: Told, opener: Opener, files: RecordingFiles, seed: int, subsets: int, figures: Figures
) -> None:
    """Opens every image of a recording, and compares it with what callers were told; raises Violation."""
    images, at = Images(files.ops, files.begun_with, seed, subsets), 0
    for cut, key in images.all():
        while at < cut.at:
            told.take(files.ops[at].kind, files.ops[at].note)
            at += 1
        try:
            found = await opener.contents(key, images.image)
        except (AsteroidError, Violation) as error:
            raise Violation(_where(seed, cut, files) + f": {error}") from error
        if found not in told.allowed:
            raise Violation(_where(seed, cut, files) + f": {found}, not one of {sorted(told.allowed)}")
        figures.images += 1
    figures.opened += opener.opened


def _where(seed: int, cut: Cut, files: RecordingFiles) -> str:
    last = files.ops[cut.at - 1]
    what = f"{last.kind} {last.path or last.inode or last.note}"
    return f"seed {seed}, after operation {cut.at} ({what}), kept {cut.kept}, torn {cut.torn}"


def check(seed: int, steps: int = 60, subsets: int = 32, *, is_plain: bool = False) -> Figures:
    """Records one run and opens what any power cut may leave of it; raises Violation."""
    started = time.monotonic()
    script, files = record(seed, steps, is_plain=is_plain)
    figures = Figures(len(files.ops), kinds=Counter(op.kind for op in files.ops))
    with threads_in_place():
        told = Told(script.steps, Stored(None))
        asyncio.run(check_images(told, Opener(), files, seed, subsets, figures))
    figures.seconds = time.monotonic() - started
    return figures
