"""The disk of this machine as a file layer."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from asteroid_cloud.wal.disk.files import AppendFile, FileLock, ReadFile
from asteroid_cloud.wal.disk.local_lock import LocalFolderLock, LocalLock, LocalSharedLock
from asteroid_cloud.wal.disk.regular_file import open_regular, refuse_irregular
from asteroid_cloud.wal.disk.system_errors import translated
from asteroid_cloud.wal.errors import StorageError

DIRECTORY_MODE = 0o700
SYSTEM_NAMES = {"lost+found"}
"""What a file system puts into its topmost folder, which may be a volume's data directory."""


class LocalAppendFile:
    """An append-only file of the operating system."""

    def __init__(self, path: str, flags: int) -> None:
        self._path = path
        with translated("open", path):
            self._fd = open_regular(path, flags | os.O_WRONLY | os.O_APPEND)
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
            self._fd = open_regular(path, os.O_RDONLY)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        with translated("read", self._path):
            return _pread_all(self._fd, offset, length)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class LocalFiles:
    """The disk of this machine.

    Only regular files are read or written, and no symbolic link is followed to one: anything else under the
    name of a file is damage. Folders may be reached by links.
    """

    def make_dirs(self, path: str) -> None:
        """Makes missing folders, for this user only, and syncs the folders above them."""
        with translated("make", path):
            missing = []
            at = os.path.abspath(path)
            while not os.path.isdir(at):
                _check_missing(path, at)
                missing.append(at)
                at = os.path.dirname(at)
            for folder in reversed(missing):
                os.makedirs(folder, DIRECTORY_MODE, exist_ok=True)
                self.sync_dir(os.path.dirname(folder))

    def list(self, path: str) -> list[str]:
        """The names in a folder, without those of the file system itself."""
        if os.path.islink(path) and not os.path.exists(path):
            raise StorageError(f"cannot list {path}: it is a link to what does not exist")
        with translated("list", path):
            return [name for name in os.listdir(path) if name not in SYSTEM_NAMES]

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder, or a link of that name, wherever it leads."""
        return os.path.lexists(path)

    def size(self, path: str) -> int:
        """The bytes of a file."""
        with translated("look at", path):
            info = os.lstat(path)
            refuse_irregular(path, info.st_mode)
            return info.st_size

    def create(self, path: str) -> AppendFile:
        """A new, empty file."""
        return LocalAppendFile(path, os.O_CREAT | os.O_EXCL)

    def open_append(self, path: str) -> AppendFile:
        """An existing file."""
        return LocalAppendFile(path, 0)

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file."""
        with translated("read", path):
            fd = open_regular(path, os.O_RDONLY)
            try:
                return _pread_all(fd, offset, length)
            finally:
                os.close(fd)

    def open_read(self, path: str) -> ReadFile:
        """A file for many reads."""
        return LocalReadFile(path)

    def forget(self, path: str) -> None:
        """Drops the file's clean pages from the page cache, where the system supports it."""
        if not hasattr(os, "posix_fadvise"):
            return
        with translated("open", path):
            fd = open_regular(path, os.O_RDONLY)
        try:
            with suppress(OSError):  # it is a hint, which some file systems refuse
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
        """Whether there is such a folder; a link to one is none."""
        with suppress(OSError):
            return stat.S_ISDIR(os.lstat(path).st_mode)
        return False

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

    def lock_shared(self, path: str) -> FileLock:
        """A shared lock on a file that is opened for reading only; none when there is no file."""
        with translated("lock", path):
            return LocalSharedLock(path)

    def lock_folder(self, path: str) -> FileLock:
        """An exclusive lock on the folder itself, with no file in it."""
        with translated("lock", path):
            return LocalFolderLock(path)

    def free_bytes(self, path: str) -> int:
        """What an ordinary user can still write."""
        with translated("look at", path):
            info = os.statvfs(path)
            return info.f_bavail * info.f_frsize

    def real_path(self, path: str) -> str:
        """The path itself."""
        return path


def _check_missing(path: str, at: str) -> None:
    """Refuses what is there and is no folder, with its reason: the system would say "File exists"."""
    if os.path.lexists(at):
        is_dangling = os.path.islink(at) and not os.path.exists(at)
        what = "a link to what does not exist" if is_dangling else "not a folder"
        raise StorageError(f"cannot make {path}: {at} is {what}")


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
