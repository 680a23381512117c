"""The file layer: everything that ``wal`` and ``indexer`` do to the disk goes through it.

Tests put other implementations in its place: one that records every operation, one that lies, one
that fails on command. Only finished segment files are also mapped by the native core, by their real
path. Paths are plain strings; all calls block and belong on a worker thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from asteroid_cloud.wal.errors import LockHeld, NoSpace, StorageError

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


class AppendFile(Protocol):
    """A file that is written at its end only."""

    @property
    def size(self) -> int:
        """Bytes written so far, those not synced yet included."""
        ...

    def write(self, data: bytes | memoryview) -> None:
        """Appends all of ``data``; raises NoSpace or StorageError, after which a part may be there."""
        ...

    def sync(self) -> None:
        """Makes everything written durable (fdatasync); raises StorageError."""
        ...

    def truncate(self, size: int) -> None:
        """Cuts the file to ``size`` bytes."""
        ...

    def close(self) -> None:
        """Closes the file; it is not synced by that."""
        ...


class ReadFile(Protocol):
    """A file open for reading; it can be read even after its name is gone."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end of the file."""
        ...


class FileLock(Protocol):
    """A lock that ends with its holder."""

    def release(self) -> None:
        """Gives the lock back."""
        ...


class Files(Protocol):
    """A place where files are kept."""

    def make_dirs(self, path: str) -> None:
        """Makes a folder and those above it, if need be, durably."""
        ...

    def list(self, path: str) -> list[str]:
        """The names in a folder, in no order."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder of that name."""
        ...

    def size(self, path: str) -> int:
        """The bytes of a file."""
        ...

    def create(self, path: str) -> AppendFile:
        """A new file; raises StorageError when the name is taken."""
        ...

    def open_append(self, path: str) -> AppendFile:
        """An existing file, to be written at its end."""
        ...

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end of the file."""
        ...

    def open_read(self, path: str) -> ReadFile:
        """The file for many reads; it is closed when nobody holds it any more."""
        ...

    def forget(self, path: str) -> None:
        """Tells the system that the file was read once and will not be soon again; its contents stay."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name, atomically; durable after ``sync_dir``."""
        ...

    def link(self, old: str, new: str) -> None:
        """Gives a file a second name; raises StorageError where the file system cannot, or it is taken."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file; durable after ``sync_dir``."""
        ...

    def is_dir(self, path: str) -> bool:
        """Whether there is a folder of that name."""
        ...

    def remove_dir(self, path: str) -> None:
        """Removes an empty folder; durable after ``sync_dir`` of the one above."""
        ...

    def sync_dir(self, path: str) -> None:
        """Makes the names in a folder durable."""
        ...

    def lock(self, path: str) -> FileLock:
        """Takes the exclusive lock that the file ``path`` stands for; raises LockHeld."""
        ...

    def free_bytes(self, path: str) -> int:
        """Bytes that can still be written where ``path`` lies."""
        ...

    def real_path(self, path: str) -> str:
        """Where the operating system finds the file, for mapping it."""
        ...


@contextmanager
def translated(action: str, path: str) -> Iterator[None]:
    """Gives an OSError of the block the name that the rest of the program knows: NoSpace or StorageError."""
    try:
        yield
    except OSError as error:
        kind = NoSpace if error.errno in NO_SPACE else StorageError
        raise kind(f"cannot {action} {path}: {error.strerror or error}") from error


class LocalAppendFile:
    """An append-only file of the operating system."""

    def __init__(self, path: str, flags: int) -> None:
        self._path = path
        with translated("open", path):
            self._fd = os.open(path, flags | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
            self._size = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def write(self, data: bytes | memoryview) -> None:
        """Appends all of ``data``, however many calls that takes."""
        left = memoryview(data).cast("B")
        with translated("write", self._path):
            while left:
                written = os.write(self._descriptor(), left)
                self._size += written
                left = left[written:]

    def sync(self) -> None:
        """fdatasync."""
        with translated("sync", self._path):
            os.fdatasync(self._descriptor())

    def truncate(self, size: int) -> None:
        """Cuts the file."""
        with translated("truncate", self._path):
            os.ftruncate(self._descriptor(), size)
            self._size = size

    def close(self) -> None:
        """Closes the file, once."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with translated("close", self._path):
                os.close(fd)

    def _descriptor(self) -> int:
        if self._fd < 0:
            raise StorageError(f"{self._path} is closed")
        return self._fd


class LocalReadFile:
    """A file of the operating system, open for reading."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        with translated("open", path):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        with translated("read", self._path):
            return _pread_all(self._fd, offset, length)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class LocalLock:
    """An flock on a file that holds its owner's process id."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Always as many bytes, in place: it must work on a full disk, too.
            os.pwrite(self._fd, f"{os.getpid():<31}\n".encode(), 0)
        except BlockingIOError as error:
            owner = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise LockHeld(f"{path} is held by process {owner}; a store can be open once only") from error
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Gives the lock back; the file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class LocalFiles:
    """The disk of this machine."""

    def make_dirs(self, path: str) -> None:
        """Makes missing folders, for this user only, and syncs the folders that got a new name."""
        with translated("make", path):
            missing = []
            at = os.path.abspath(path)
            while not os.path.isdir(at):
                missing.append(at)
                at = os.path.dirname(at)
            for folder in reversed(missing):
                os.makedirs(folder, DIRECTORY_MODE, exist_ok=True)
                self.sync_dir(os.path.dirname(folder))

    def list(self, path: str) -> list[str]:
        """The names in a folder."""
        with translated("list", path):
            return os.listdir(path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return os.path.exists(path)

    def size(self, path: str) -> int:
        """The bytes of a file."""
        with translated("look at", path):
            return os.stat(path).st_size

    def create(self, path: str) -> AppendFile:
        """A new, empty file."""
        return LocalAppendFile(path, os.O_CREAT | os.O_EXCL)

    def open_append(self, path: str) -> AppendFile:
        """An existing file."""
        return LocalAppendFile(path, 0)

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file."""
        with translated("read", path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _pread_all(fd, offset, length)
            finally:
                os.close(fd)

    def open_read(self, path: str) -> ReadFile:
        """A file for many reads."""
        return LocalReadFile(path)

    def forget(self, path: str) -> None:
        """Drops what is on the disk already from the page cache, where the system can be told."""
        if not hasattr(os, "posix_fadvise"):
            return
        with translated("open", path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # it is a hint; some file systems do not take it
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)

    def rename(self, old: str, new: str) -> None:
        """Renames, replacing what has the new name."""
        with translated("rename", old):
            os.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """A hard link."""
        with translated("link", old):
            os.link(old, new)

    def remove(self, path: str) -> None:
        """Removes a file."""
        with translated("remove", path):
            os.unlink(path)

    def is_dir(self, path: str) -> bool:
        """Whether there is such a folder."""
        return os.path.isdir(path)

    def remove_dir(self, path: str) -> None:
        """Removes an empty folder."""
        with translated("remove", path):
            os.rmdir(path)

    def sync_dir(self, path: str) -> None:
        """fsync on the folder."""
        with translated("sync", path):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def lock(self, path: str) -> FileLock:
        """An exclusive lock, gone with the process at the latest."""
        with translated("lock", path):
            return LocalLock(path)

    def free_bytes(self, path: str) -> int:
        """What an ordinary user may still write."""
        with translated("look at", path):
            info = os.statvfs(path)
            return info.f_bavail * info.f_frsize

    def real_path(self, path: str) -> str:
        """The path itself."""
        return path


def _pread_all(fd: int, offset: int, length: int) -> bytes:
    pieces: list[bytes] = []
    while length > 0:
        piece = os.pread(fd, length, offset)
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
