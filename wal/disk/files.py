"""The file layer: what ``wal`` and ``indexer`` may do to a disk, whichever disk it is.

Everything they read or write goes through ``Files``. Tests put other implementations in its place: one
that records every operation, one that fails on command. Only finished segment files are also mapped by
the native core, by their real path. Paths are plain strings. All calls block and belong on a worker thread.
What has the name of a file and is no regular file (a link, a FIFO, a device) raises CorruptionError.
"""

from __future__ import annotations

from typing import Protocol


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
    """A file open for reading; it can be read even after it was removed."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer only at the end of the file."""
        ...


class FileLock(Protocol):
    """A lock on a folder that ends with its holder."""

    def check(self) -> None:
        """Raises StorageError ``lock_lost`` once the folder is another one, or locked by another process."""
        ...

    def release(self) -> None:
        """Gives the lock back."""
        ...


class Files(Protocol):
    """A disk."""

    def make_dirs(self, path: str) -> None:
        """Makes a folder and the missing ones above it, durably."""
        ...

    def list(self, path: str) -> list[str]:
        """The names in a folder, in no order; without ``lost+found``, which is the file system's own."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is anything of that name."""
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
        """The file for many reads; it is closed once nothing refers to it."""
        ...

    def forget(self, path: str) -> None:
        """Tells the system that the file will not be read again soon; its contents stay."""
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
        """Whether there is a folder of that name; a link to one is none."""
        ...

    def remove_dir(self, path: str) -> None:
        """Removes an empty folder; durable after ``sync_dir`` of the one above."""
        ...

    def sync_dir(self, path: str) -> None:
        """Makes the names in a folder durable."""
        ...

    def lock(self, path: str) -> FileLock:
        """Locks the folder of the lock file ``path`` for this process alone; raises LockHeld.

        The file is made if need be, and names the process.
        """
        ...

    def lock_shared(self, path: str) -> FileLock:
        """Takes the same lock shared with other readers, and writes nothing; raises LockHeld.

        A lock file that does not exist is not made.
        """
        ...

    def lock_folder(self, path: str) -> FileLock:
        """Locks the folder ``path`` as ``lock`` does, with no file in it."""
        ...

    def free_bytes(self, path: str) -> int:
        """Bytes that can still be written to the file system of ``path``."""
        ...

    def real_path(self, path: str) -> str:
        """The path by which the operating system can map the file."""
        ...
