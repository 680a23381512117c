"""Locks between processes: flock on a file, released with its process at the latest."""

from __future__ import annotations

import fcntl
import os

from asteroid_cloud.wal.errors import LockHeld

LOCK_FILE_MODE = 0o600
OWNER_BYTES = 32


class LocalLock:
    """An exclusive flock on a file that holds its owner's process id."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_FILE_MODE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Always as many bytes, in place: it must work on a full disk, too.
            os.pwrite(self._fd, f"{os.getpid():<{OWNER_BYTES - 1}}\n".encode(), 0)
        except BlockingIOError as error:
            message = _refusal(path, self._fd)
            self.release()
            raise LockHeld(message) from error
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Gives the lock back; the file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class LocalSharedLock:
    """A shared flock, taken without writing; nothing is locked when the file does not exist."""

    def __init__(self, path: str) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._fd = -1
            return
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = _refusal(path, self._fd)
            self.release()
            raise LockHeld(message) from error
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Gives the lock back; the file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _refusal(path: str, fd: int) -> str:
    """Who holds the lock; the file names the process only if that one holds it exclusively."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(fd, OWNER_BYTES, 0).decode("ascii", "replace").strip() or "unknown"
        return f"{path} is held by process {owner}; a store can be open once only"
    return f"{path} is held by a command that reads the store; try again when it has ended"
