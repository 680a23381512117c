"""Steps that damage what lies on the disk, as a bad disk or a power cut would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import Verification
from asteroid_cloud.indexer.backup.file_list import is_backup, read_backup
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.segment.paths import graph_path
from asteroid_cloud.wal.disk import Files, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.read import LogReader
from tests.promises.operations.driver.model import World
from tests.promises.operations.driver.real import Real
from tests.promises.operations.driver.steps.step import JUST_DONE, Codes, Step

DAMAGEABLE = (".wal", ".graph")
FRAMES_MIN = 2
"""Of a log file: the last but one is damaged, the last is whole."""


def is_damaged(files: Files, folder: str) -> bool:
    """Whether a log file or a graph is damaged already, or there is nothing that could be."""
    try:
        found = Verification(files, folder).run().findings
    except AsteroidError:
        return True
    return any(each.place.endswith(DAMAGEABLE) for each in found)


@dataclass(frozen=True)
class Harm(Step):
    """Damages a folder that is whole, and that nobody has open; else does nothing.

    One thing at a time: what is lost when log and index are damaged at once depends on where.
    """

    at: str

    def answers(self, world: World) -> Codes:
        return JUST_DONE

    def writes(self, world: World) -> set[str]:
        return {self.at} if self.at in world.folders else set()

    def run(self, real: Real) -> int:
        is_right = is_backup(real.disk, self.at) == isinstance(self, RotBackup)
        if not is_right or real.serves(self.at) or is_damaged(real.disk, self.at):
            return 0
        return self.harm(real)

    def harm(self, real: Real) -> int:
        """Does it; 0 when there was nothing to damage, of a log the first record that is."""
        raise NotImplementedError


@dataclass(frozen=True)
class Tear(Harm):
    """Leaves half a write at the end of a log."""

    def harm(self, real: Real) -> int:
        path = newest_log(real.disk, self.at)
        if path:
            real.disk.contents[path] += bytes(range(20))
        return bool(path)

    def apply(self, world: World, result: Any = None) -> None:
        store = world.store(self.at)
        if store is not None and result:
            store.is_torn = True


@dataclass(frozen=True)
class RotLog(Harm):
    """Flips a bit of the newest log file, with a whole frame behind it."""

    def harm(self, real: Real) -> int:
        path = newest_log(real.disk, self.at)
        check = LogReader(real.disk, f"{self.at}/wal").check(bodies=False) if path else None
        if check is None or check.damage or check.files[-1].frames < FRAMES_MIN:
            return False
        frames = LogReader(real.disk, f"{self.at}/wal").held_frames(check.files[-1].first_lsn)
        *_, before, _ = ((frame.offset, frame.header.first_lsn) for frame in frames)
        rot(real.disk.contents[path], before[0] + 40)
        return before[1]

    def apply(self, world: World, result: Any = None) -> None:
        store = world.store(self.at)
        if store is not None and result:
            store.damages |= {"log"}
            store.damaged_from = result


@dataclass(frozen=True)
class RotSegment(Harm):
    """Flips a bit of a segment that the index needs, and no tag."""

    def harm(self, real: Real) -> int:
        files, layout = real.disk, StoreLayout(self.at).collection()
        if not files.exists(layout.index) or (files.exists(layout.tags) and files.list(layout.tags)):
            return False
        manifest = newest_manifest(files, layout.index)
        if manifest is None or not manifest.segments:
            return False
        path = graph_path(layout.index, manifest.segments[0].number)
        files.contents[path] = bytearray(files.contents[path])  # backups that have it linked stay whole
        data = files.contents[path]
        behind = range(len(data) // 2, len(data))
        rot(data, next(at for at in behind if data[at]))  # zeros may be what fills a page
        return True

    def apply(self, world: World, result: Any = None) -> None:
        store = world.store(self.at)
        if store is not None and result:
            store.damages |= {"segment"}


@dataclass(frozen=True)
class RotBackup(Harm):
    """Flips a bit of a backup's file."""

    which: int
    """Counts files of segments first."""

    def harm(self, real: Real) -> int:
        files = real.disk
        listed = [each.path for each in read_backup(files, self.at).files]
        listed.sort(key=lambda path: ("/segment-" not in path, path))
        path = f"{self.at}/{listed[self.which % len(listed)]}"
        files.contents[path] = bytearray(files.contents[path])
        rot(files.contents[path], len(files.contents[path]) // 2)
        return True

    def apply(self, world: World, result: Any = None) -> None:
        found = world.backup(self.at)
        if found is not None and result:
            found.is_damaged = True


def newest_log(files: Files, store: str) -> str:
    """The newest file of a log; empty if there is none."""
    folder = f"{store}/wal"
    names = [name for name in files.list(folder) if name.endswith(".wal")] if files.exists(folder) else []
    return f"{folder}/{max(names)}" if names else ""


def rot(data: bytearray, at: int) -> None:
    """Changes a byte, and never back to what it was."""
    data[at] = (data[at] + 1) % 256
