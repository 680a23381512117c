"""Locks between processes: flock on a folder and on a file in it, gone with the process at the latest.

The folder itself is locked, so that nobody gets in when the lock file is removed. The lock file says who has
the folder, and keeps out programs of version 0.1.0, which lock nothing else.

A lock belongs to the process that took it. ``fork`` copies descriptors, and a flock lasts as long as one copy
is open: the child closes its copies at once, and release unlocks for all of them.
"""

from __future__ import annotations

import errno
import fcntl
import os
from weakref import WeakSet

from asteroid_cloud.wal.disk.regular_file import open_regular
from asteroid_cloud.wal.errors import LockHeld, StorageError

OWNER_BYTES = 32
NO_FOLDER_LOCKS = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP}
"""What file systems answer that lock files only, NFS for one."""


class _Flock:
    """A descriptor with a flock on it."""

    def __init__(self, fd: int, how: int) -> None:
        """Takes over ``fd``; raises BlockingIOError when another has the lock, and OSError."""
        self._fd = fd
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BaseException:
            os.close(fd)
            raise

    def release(self) -> None:
        """Unlocks, also for copies of the descriptor in other processes."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)

    def forget(self) -> None:
        """Closes the descriptor and leaves the lock to the process that has it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def is_at(self, path: str) -> bool:
        """Whether the path still leads to what is locked."""
        try:
            found = os.stat(path, follow_symlinks=True)
        except OSError:
            return False
        return self._fd >= 0 and os.path.samestat(found, os.fstat(self._fd))


class LocalFolderLock:
    """A lock on a folder, and nothing else."""

    def __init__(self, folder: str, how: int = fcntl.LOCK_EX, owner: str | None = None) -> None:
        """``owner`` is the file that names who has the folder. Raises LockHeld and OSError."""
        self._folder = folder
        self._held: list[tuple[_Flock, str]] = []
        self._is_released = False
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._held.append((_Flock(fd, how), folder))
        except BlockingIOError as error:
            raise LockHeld(_refusal(folder, folder, owner)) from error
        except OSError as error:
            if error.errno not in NO_FOLDER_LOCKS:
                raise
        _LOCKS.add(self)

    def check(self) -> None:
        """Raises StorageError ``lock_lost`` unless this process still has the lock, on this folder."""
        if not self._held and not self._is_released:
            return  # this file system locks no folders, and nothing else was locked
        if not self._held or not self._held[0][0].is_at(self._held[0][1]):
            reason = f"{self._folder} is no longer the folder that this process has locked"
            raise StorageError(f"{reason}; nothing more is written", code="lock_lost")

    def release(self) -> None:
        """Gives the lock back; files stay, and a second time does nothing."""
        self._is_released = True
        held, self._held = self._held, []
        for lock, _ in reversed(held):
            lock.release()

    def forget(self) -> None:
        """In a child after a fork: the lock stays with the parent."""
        self._is_released = True
        held, self._held = self._held, []
        for lock, _ in held:
            lock.forget()

    def _also(self, path: str, fd: int, how: int) -> None:
        """Locks a file in the folder too; takes over ``fd``."""
        try:
            self._held.append((_Flock(fd, how), path))
        except BlockingIOError as error:
            message = _refusal(self._folder, path, path)
            self.release()
            raise LockHeld(message) from error
        except OSError:
            self.release()
            raise


class LocalLock(LocalFolderLock):
    """An exclusive lock on a folder, and on a file in it that holds its owner's process id."""

    def __init__(self, path: str) -> None:
        super().__init__(os.path.dirname(path) or ".", fcntl.LOCK_EX, path)
        try:
            fd = open_regular(path, os.O_RDWR | os.O_CREAT)
        except BaseException:
            self.release()
            raise
        self._also(path, fd, fcntl.LOCK_EX)
        try:
            # Always as many bytes, in place: it must work on a full disk, too.
            os.pwrite(fd, f"{os.getpid():<{OWNER_BYTES - 1}}\n".encode(), 0)
        except OSError:
            self.release()
            raise


class LocalSharedLock(LocalFolderLock):
    """A shared lock on a folder and on the file in it, if there is one; taken without writing."""

    def __init__(self, path: str) -> None:
        super().__init__(os.path.dirname(path) or ".", fcntl.LOCK_SH, path)
        try:
            fd = open_regular(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        except BaseException:
            self.release()
            raise
        self._also(path, fd, fcntl.LOCK_SH)


_LOCKS: WeakSet[LocalFolderLock] = WeakSet()
"""Those that this process holds."""


def _forget_all() -> None:
    for lock in list(_LOCKS):
        lock.forget()


os.register_at_fork(after_in_child=_forget_all)


def _refusal(folder: str, held: str, owner: str | None) -> str:
    """Who holds ``held``; ``owner`` names the process only if that one holds it exclusively."""
    try:
        fd = os.open(held, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return f"{folder} is held by another process"
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"{folder} is held by process {_owner(owner)}; a store can be open once only"
    finally:
        os.close(fd)
    return f"{folder} is held by a command that reads the store; try again when it has ended"


def _owner(path: str | None) -> str:
    """The process id that a lock file has."""
    if path is None:
        return "unknown"
    try:
        fd = open_regular(path, os.O_RDONLY)
    except OSError:
        return "unknown"
    try:
        return os.pread(fd, OWNER_BYTES, 0).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(fd)
