"""The lock on a data directory: one process has the store open, or any number only look at it."""

from __future__ import annotations

from asteroid_cloud.wal.disk.files import FileLock, Files
from asteroid_cloud.wal.disk.layout import StoreLayout


def lock_directory(files: Files, path: str) -> FileLock:
    """Takes ``path``/LOCK for writing; raises LockHeld, which names the process that has it."""
    return files.lock(StoreLayout(path).lock)


def look_at_directory(files: Files, path: str) -> FileLock:
    """Keeps writers out of a store while it is read, and changes nothing in it.

    Works on a copy that cannot be written to. Where there is no LOCK file none is made. Raises LockHeld
    when a process has the store open for writing.
    """
    return files.lock_shared(StoreLayout(path).lock)
