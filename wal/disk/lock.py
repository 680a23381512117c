"""The lock on a data directory: one process at a time may have a store open."""

from __future__ import annotations

from asteroid_cloud.wal.disk.files import FileLock, Files

NAME = "LOCK"


def lock_directory(files: Files, path: str) -> FileLock:
    """Takes ``path``/LOCK; raises LockHeld, which names the process that has it."""
    return files.lock(f"{path}/{NAME}")
