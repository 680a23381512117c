"""A file layer that refuses every change, to test code that must only read."""

from __future__ import annotations

from collections.abc import Callable

from asteroid_cloud.wal import AppendFile, FileLock
from asteroid_cloud.wal.errors import StorageError
from tests.support.faulty_files import WatchedFiles


class ReadOnlyFiles(WatchedFiles):
    """Passes reads on to ``inner``; every operation that would change the disk fails."""

    def watch(self, kind: str, path: str, write_part: Callable[[int], None] | None) -> None:
        """Fails."""
        raise StorageError(f"cannot {kind} {path}: Read-only file system")

    def make_dirs(self, path: str) -> None:
        """Fails, also when the folder exists: code that only reads makes no folders."""
        self.watch("make_dirs", path, None)

    def open_append(self, path: str) -> AppendFile:
        """Fails: code that only reads opens no file for writing."""
        self.watch("open", path, None)
        raise AssertionError("not reached")

    def lock(self, path: str) -> FileLock:
        """Fails: the exclusive lock writes its owner into the file."""
        self.watch("lock", path, None)
        raise AssertionError("not reached")
