"""A disk in memory, for tests."""

from __future__ import annotations

import threading
from collections import defaultdict

from asteroid_cloud.wal.disk.files import AppendFile, FileLock, ReadFile
from asteroid_cloud.wal.disk.layout import StoreLayout
from asteroid_cloud.wal.errors import LockHeld, StorageError


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
    """A lock in memory, one of ``holders`` of its path."""

    def __init__(self, holders: set[MemoryLock]) -> None:
        self._holders = holders
        holders.add(self)

    def check(self) -> None:
        """Nothing can happen to a folder in memory."""

    def release(self) -> None:
        """Gives it back."""
        self._holders.discard(self)


class MemoryFiles:
    """A disk in memory. ``contents`` may be read and changed freely: path to bytes."""

    def __init__(self, contents: dict[str, bytes] | None = None) -> None:
        self.folders: set[str] = {""}
        self.contents: dict[str, bytearray] = {}
        self._writers: defaultdict[str, set[MemoryLock]] = defaultdict(set)
        self._readers: defaultdict[str, set[MemoryLock]] = defaultdict(set)
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
        """Renames, replacing; a folder with all that is in it."""
        with self._turn:
            if old in self.folders:
                inside = f"{old}/"
                for path in [path for path in self.contents if path.startswith(inside)]:
                    self.contents[new + path[len(old) :]] = self.contents.pop(path)
                moved = {path for path in self.folders if path == old or path.startswith(inside)}
                self.folders = self.folders - moved | {new + path[len(old) :] for path in moved}
                return
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

    def is_dir(self, path: str) -> bool:
        """Whether it is a folder."""
        return path in self.folders

    def remove_dir(self, path: str) -> None:
        """Removes an empty folder."""
        with self._turn:
            if self.list(path):
                raise StorageError(f"cannot remove {path}: it is not empty")
            self.folders.discard(path)

    def sync_dir(self, path: str) -> None:
        """Nothing to do."""
        if path not in self.folders:
            raise StorageError(f"cannot sync {path}: no such folder")

    def lock(self, path: str) -> FileLock:
        """An exclusive lock."""
        with self._turn:
            if self._writers[path] or self._readers[path]:
                raise LockHeld(f"{path} is held by process 0; a store can be open once only")
            return MemoryLock(self._writers[path])

    def lock_shared(self, path: str) -> FileLock:
        """A lock that excludes the exclusive one only."""
        with self._turn:
            if self._writers[path]:
                raise LockHeld(f"{path} is held by process 0; a store can be open once only")
            return MemoryLock(self._readers[path])

    def lock_folder(self, path: str) -> FileLock:
        """The exclusive lock of the store in that folder."""
        return self.lock(StoreLayout(path).lock)

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
