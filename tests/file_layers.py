"""File layers for tests: one in memory, one that counts, one that fails on command.

Each is a ``Files``, and the last two wrap another, so that they can be stacked. ``FaultyFiles`` numbers every
operation that reaches the disk, which allows the oldest trick there is: fail operation 1, then 2, then 3 …
until the run under test passes untouched.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum

from asteroid_cloud.wal.errors import LockHeld, NoSpace, StorageError
from asteroid_cloud.wal.files import AppendFile, FileLock, Files, ReadFile


class MemoryAppendFile:
    """A file in memory, written at its end."""

    def __init__(self, data: bytearray, turn: threading.RLock) -> None:
        self._data = data
        self._turn = turn
        self._open = True

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self._data)

    def write(self, data: bytes | memoryview) -> None:
        """Appends."""
        with self._turn:
            self._check_open()
            self._data += data

    def sync(self) -> None:
        """Nothing to do: memory does not forget."""
        self._check_open()

    def truncate(self, size: int) -> None:
        """Cuts, or fills up with zeros."""
        with self._turn:
            self._check_open()
            del self._data[size:]
            self._data += bytes(size - len(self._data))

    def close(self) -> None:
        """Closes; a second time does nothing."""
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise StorageError("the file is closed")


class MemoryReadFile:
    """Bytes in memory, open for reading."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        return bytes(self._data[offset : offset + max(0, length)])


class MemoryLock:
    """A lock in memory."""

    def __init__(self, held: set[str], path: str) -> None:
        self._held = held
        self._path = path

    def release(self) -> None:
        """Gives it back."""
        self._held.discard(self._path)


class MemoryFiles:
    """A disk in memory. ``contents`` may be read and changed freely: path to bytes."""

    def __init__(self, contents: dict[str, bytes] | None = None) -> None:
        self.folders: set[str] = {""}
        self.contents: dict[str, bytearray] = {}
        self._locked: set[str] = set()
        self._turn = threading.RLock()
        for path, data in (contents or {}).items():
            self.make_dirs(path.rpartition("/")[0])
            self.contents[path] = bytearray(data)

    def image(self) -> dict[str, bytes]:
        """What is on the disk now, as a copy."""
        with self._turn:
            return {path: bytes(data) for path, data in self.contents.items()}

    def make_dirs(self, path: str) -> None:
        """Makes a folder and those above it."""
        while path and path != "/":
            self.folders.add(path)
            path = path.rpartition("/")[0]

    def list(self, path: str) -> list[str]:
        """The names in a folder."""
        with self._turn:
            if path not in self.folders:
                raise StorageError(f"cannot list {path}: no such folder")
            return [
                name
                for folder, _, name in (known.rpartition("/") for known in (*self.contents, *self.folders))
                if folder == path and name
            ]

    def exists(self, path: str) -> bool:
        """Whether it is there."""
        return path in self.contents or path in self.folders

    def size(self, path: str) -> int:
        """The bytes of a file."""
        return len(self._data(path))

    def create(self, path: str) -> AppendFile:
        """A new file."""
        with self._turn:
            if self.exists(path):
                raise StorageError(f"cannot open {path}: it exists")
            if path.rpartition("/")[0] not in self.folders:
                raise StorageError(f"cannot open {path}: no such folder")
            self.contents[path] = bytearray()
            return self.open_append(path)

    def open_append(self, path: str) -> AppendFile:
        """An existing file."""
        return MemoryAppendFile(self._data(path), self._turn)

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file."""
        with self._turn:
            return bytes(self._data(path)[offset : offset + max(0, length)])

    def open_read(self, path: str) -> ReadFile:
        """A file for many reads."""
        return MemoryReadFile(self._data(path))

    def forget(self, path: str) -> None:
        """Nothing to do: there is no other copy."""
        self._data(path)

    def rename(self, old: str, new: str) -> None:
        """Renames, replacing."""
        with self._turn:
            self.contents[new] = self._data(old)
            del self.contents[old]

    def link(self, old: str, new: str) -> None:
        """A second name for the same bytes."""
        with self._turn:
            if self.exists(new):
                raise StorageError(f"cannot link {new}: it exists")
            self.contents[new] = self._data(old)

    def remove(self, path: str) -> None:
        """Removes a file."""
        with self._turn:
            self._data(path)
            del self.contents[path]

    def sync_dir(self, path: str) -> None:
        """Nothing to do."""
        if path not in self.folders:
            raise StorageError(f"cannot sync {path}: no such folder")

    def lock(self, path: str) -> FileLock:
        """An exclusive lock."""
        with self._turn:
            if path in self._locked:
                raise LockHeld(f"{path} is held by process 0; a store can be open once only")
            self._locked.add(path)
            return MemoryLock(self._locked, path)

    def free_bytes(self, path: str) -> int:
        """Always plenty."""
        return 1 << 40

    def real_path(self, path: str) -> str:
        """There is none."""
        raise StorageError(f"{path} is in memory only")

    def _data(self, path: str) -> bytearray:
        try:
            return self.contents[path]
        except KeyError:
            raise StorageError(f"cannot open {path}: no such file") from None


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

    def sync_dir(self, path: str) -> None:
        """Announces and syncs."""
        self.watch("sync_dir", path, None)
        self.inner.sync_dir(path)

    def lock(self, path: str) -> FileLock:
        """Passed on."""
        return self.inner.lock(path)

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
