"""A disk in memory on which a process can be killed, between two operations or within a write.

What was done before the kill stays, as after kill -9; what a power cut may take away as well is the matter of
``tests/promises/power``.
"""

from __future__ import annotations

from typing import Literal

from tests.promises.power.recording import MappableFiles
from tests.support.memory_files import MemoryAppendFile

Counted = Literal["changes", "renames"]
"""What is counted until a process dies; a rename is what makes something new count."""
Tree = dict[str, bytes | None]
"""Each path below a folder with its bytes; None for a folder."""


class Killed(BaseException):
    """The process was killed here. No code may catch it and go on."""


class KillableFiles(MappableFiles):
    """A disk whose operations end for good after a number of changes, or of renames, until ``revive``."""

    def __init__(self) -> None:
        super().__init__()
        self.folders.add(".")  # the folder in which all stores of a history lie
        self.is_dead = False
        self._left: int | None = None
        self._counted: Counted = "changes"

    def kill_after(self, count: int, counted: Counted = "changes") -> None:
        """The process dies at the change after so many; a write leaves its first half behind."""
        self._left, self._counted = count, counted

    def kill(self) -> None:
        """The process dies now."""
        self.is_dead = True

    def revive(self) -> None:
        """Another process begins: it holds no lock, and is not about to be killed."""
        self.is_dead, self._left = False, None
        self._writers.clear()
        self._readers.clear()

    def change(self, *, is_rename: bool = False) -> None:
        """Called before each change."""
        counts = self._left is not None and (is_rename or self._counted == "changes")
        if counts and self._left == 0:
            self.is_dead = True
        if self.is_dead:
            raise Killed
        if counts and self._left is not None:
            self._left -= 1

    def tree(self, folder: str) -> Tree:
        """All that is in a folder, or the file of that name."""
        inside = f"{folder}/"
        found: Tree = {path: None for path in self.folders if path == folder or path.startswith(inside)}
        for path, data in self.contents.items():
            if path == folder or path.startswith(inside):
                found[path] = bytes(data)
        return found

    def copy_of(self, folder: str) -> MappableFiles:
        """Another disk with only that folder on it: what is done there changes nothing here."""
        tree = self.tree(folder)
        copy = MappableFiles({path: data for path, data in tree.items() if data is not None})
        for path, data in tree.items():
            if data is None:
                copy.make_dirs(path)
        return copy

    def open_append(self, path: str) -> KillableFile:
        """A file whose changes count."""
        return KillableFile(self, self._data(path))

    def make_dirs(self, path: str) -> None:
        """Counts, unless the folder is there."""
        if path not in self.folders:
            self.change()
        super().make_dirs(path)

    def create(self, path: str) -> KillableFile:
        """Counts and creates."""
        self.change()
        super().create(path)
        return self.open_append(path)

    def rename(self, old: str, new: str) -> None:
        """Counts and renames."""
        self.change(is_rename=True)
        super().rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Counts and links."""
        self.change()
        super().link(old, new)

    def remove(self, path: str) -> None:
        """Counts and removes."""
        self.change()
        super().remove(path)

    def remove_dir(self, path: str) -> None:
        """Counts and removes."""
        self.change()
        super().remove_dir(path)

    def sync_dir(self, path: str) -> None:
        """Counts: a process may be killed while it waits for this."""
        self.change()
        super().sync_dir(path)


class KillableFile(MemoryAppendFile):
    """A file whose writes, cuts and syncs count."""

    def __init__(self, files: KillableFiles, data: bytearray) -> None:
        super().__init__(data, files._turn)
        self._files = files

    def write(self, data: bytes | memoryview) -> None:
        """Counts and appends; a kill leaves the first half behind."""
        was_dead = self._files.is_dead
        try:
            self._files.change()
        except Killed:
            if not was_dead:
                super().write(memoryview(data).cast("B")[: len(data) // 2])
            raise
        super().write(data)

    def sync(self) -> None:
        """Counts."""
        self._files.change()

    def truncate(self, size: int) -> None:
        """Counts and cuts."""
        self._files.change()
        super().truncate(size)
