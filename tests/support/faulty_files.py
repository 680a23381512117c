"""File layers for tests: one that counts operations, one that fails on demand, and one in memory.

Each is a ``Files``, and the last two wrap another, so that they can be stacked. ``FaultyFiles`` numbers every
operation that reaches the disk. A test can fail operation 1, then 2, then 3 … until the run under test has no
operation of that number.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum

from asteroid_cloud.wal.disk.files import AppendFile, FileLock, Files, ReadFile
from asteroid_cloud.wal.errors import NoSpace, StorageError
from tests.support.memory_files import MemoryFiles as MemoryFiles


class WatchedAppendFile:
    """A file whose operations are announced to ``watch`` first, as (kind, path, what it would do)."""

    def __init__(self, inner: AppendFile, path: str, watch: Watch) -> None:
        self._inner = inner
        self._path = path
        self._watch = watch

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._inner.size

    def write(self, data: bytes | memoryview) -> None:
        """Announces and writes."""
        self._watch("write", self._path, lambda part: self._inner.write(memoryview(data).cast("B")[:part]))
        self._inner.write(data)

    def sync(self) -> None:
        """Announces and syncs."""
        self._watch("sync", self._path, None)
        self._inner.sync()

    def truncate(self, size: int) -> None:
        """Announces and cuts."""
        self._watch("truncate", self._path, None)
        self._inner.truncate(size)

    def close(self) -> None:
        """Closes, unannounced: no data depends on it."""
        self._inner.close()


Watch = Callable[[str, str, Callable[[int], None] | None], None]
"""Called with the kind of operation, its path and, for a write, how to write only its first bytes."""


class WatchedFiles:
    """Passes everything on to ``inner``; each operation that changes the disk is announced first."""

    def __init__(self, inner: Files) -> None:
        self.inner = inner

    def watch(self, kind: str, path: str, write_part: Callable[[int], None] | None) -> None:
        """What is about to be done; may raise instead."""
        raise NotImplementedError

    def make_dirs(self, path: str) -> None:
        """Passed on, unannounced: recovery does it before there is anything to lose."""
        self.inner.make_dirs(path)

    def list(self, path: str) -> list[str]:
        """Passed on."""
        return self.inner.list(path)

    def exists(self, path: str) -> bool:
        """Passed on."""
        return self.inner.exists(path)

    def size(self, path: str) -> int:
        """Passed on."""
        return self.inner.size(path)

    def create(self, path: str) -> AppendFile:
        """Announces and creates."""
        self.watch("create", path, None)
        return WatchedAppendFile(self.inner.create(path), path, self.watch)

    def open_append(self, path: str) -> AppendFile:
        """Passed on; what is done with the file is announced."""
        return WatchedAppendFile(self.inner.open_append(path), path, self.watch)

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Passed on."""
        return self.inner.read(path, offset, length)

    def open_read(self, path: str) -> ReadFile:
        """Passed on."""
        return self.inner.open_read(path)

    def forget(self, path: str) -> None:
        """Passed on, unannounced: it changes nothing."""
        self.inner.forget(path)

    def rename(self, old: str, new: str) -> None:
        """Announces and renames."""
        self.watch("rename", old, None)
        self.inner.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Announces and links."""
        self.watch("link", old, None)
        self.inner.link(old, new)

    def remove(self, path: str) -> None:
        """Announces and removes."""
        self.watch("remove", path, None)
        self.inner.remove(path)

    def is_dir(self, path: str) -> bool:
        """Passed on."""
        return self.inner.is_dir(path)

    def remove_dir(self, path: str) -> None:
        """Announces and removes."""
        self.watch("remove_dir", path, None)
        self.inner.remove_dir(path)

    def sync_dir(self, path: str) -> None:
        """Announces and syncs."""
        self.watch("sync_dir", path, None)
        self.inner.sync_dir(path)

    def lock(self, path: str) -> FileLock:
        """Passed on."""
        return self.inner.lock(path)

    def lock_shared(self, path: str) -> FileLock:
        """Passed on."""
        return self.inner.lock_shared(path)

    def lock_folder(self, path: str) -> FileLock:
        """Passed on."""
        return self.inner.lock_folder(path)

    def free_bytes(self, path: str) -> int:
        """Passed on."""
        return self.inner.free_bytes(path)

    def real_path(self, path: str) -> str:
        """Passed on."""
        return self.inner.real_path(path)


class CountingFiles(WatchedFiles):
    """Counts the operations by kind."""

    def __init__(self, inner: Files) -> None:
        super().__init__(inner)
        self.counts: Counter[str] = Counter()
        self._turn = threading.Lock()

    def watch(self, kind: str, path: str, write_part: Callable[[int], None] | None) -> None:
        """Counts."""
        with self._turn:
            self.counts[kind] += 1


class Fault(Enum):
    """How an operation fails."""

    IO_ERROR = "EIO; a write leaves nothing behind"
    NO_SPACE = "ENOSPC; a write leaves nothing behind"
    SHORT_NO_SPACE = "ENOSPC after the first bytes of a write"
    SHORT_IO_ERROR = "EIO after the first bytes of a write"


SHORT_BYTES = 7
"""What a short write leaves behind."""


class FaultyFiles(WatchedFiles):
    """Fails the N-th operation after ``arm``, once or from then on, counting those of the chosen kinds only.

    Kinds are create, write, sync, truncate, rename, remove and sync_dir. ``failed`` says how many did fail: 0
    means that the run under test has fewer operations, and a loop over N has come to its end.
    """

    def __init__(self, inner: Files) -> None:
        super().__init__(inner)
        self.failed = 0
        self.seen: list[tuple[str, str]] = []
        """(kind, path) of every operation counted since ``arm``."""
        self._at: int | None = None
        self._fault = Fault.IO_ERROR
        self._kinds: frozenset[str] = frozenset()
        self._for_ever = False
        self._path = ""
        self._turn = threading.RLock()

    def arm(
        self, at: int, fault: Fault, *kinds: str, for_ever: bool = False, path_contains: str = ""
    ) -> None:
        """Fails operation ``at``, 1 being the next, of ``kinds`` (of any, if none are given)."""
        with self._turn:
            self.failed, self.seen = 0, []
            self._at, self._fault, self._for_ever = at, fault, for_ever
            self._kinds, self._path = frozenset(kinds), path_contains

    def disarm(self) -> None:
        """The disk works again."""
        self._at = None

    def watch(self, kind: str, path: str, write_part: Callable[[int], None] | None) -> None:
        """Fails if it is this operation's turn."""
        with self._turn:
            if self._at is None or (self._kinds and kind not in self._kinds) or self._path not in path:
                return
            self.seen.append((kind, path))
            number = len(self.seen)
            if number != self._at and not (self._for_ever and number > self._at):
                return
            self.failed += 1
        self._fail(kind, path, write_part)

    def _fail(self, kind: str, path: str, write_part: Callable[[int], None] | None) -> None:
        if write_part is not None and self._fault in (Fault.SHORT_NO_SPACE, Fault.SHORT_IO_ERROR):
            write_part(SHORT_BYTES)
        if self._fault in (Fault.NO_SPACE, Fault.SHORT_NO_SPACE):
            raise NoSpace(f"cannot {kind} {path}: No space left on device")
        raise StorageError(f"cannot {kind} {path}: Input/output error")
