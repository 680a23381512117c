"""A file layer that changes nothing once the store's folder is no longer the one that was locked.

The folder may have been renamed, and another have been put in its place, while the store was open: what is
written by path would then end in the other one.
"""

from __future__ import annotations

from asteroid_cloud.wal.disk.files import AppendFile, FileLock, Files, ReadFile


class GuardedAppendFile:
    """An existing file, to be written at its end while the lock is held."""

    def __init__(self, inner: AppendFile, lock: FileLock) -> None:
        self._inner = inner
        self._lock = lock

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._inner.size

    def write(self, data: bytes | memoryview) -> None:
        """Appends all of ``data``; raises ``lock_lost`` with nothing written."""
        self._lock.check()
        self._inner.write(data)

    def sync(self) -> None:
        """Makes everything written durable."""
        self._inner.sync()

    def truncate(self, size: int) -> None:
        """Cuts the file; what a failed write has left goes, wherever the file lies by now."""
        self._inner.truncate(size)

    def close(self) -> None:
        """Closes the file."""
        self._inner.close()


class GuardedFiles:
    """Passes everything on to ``inner``; whatever changes the disk raises StorageError ``lock_lost`` instead
    when ``lock`` is lost.
    """

    def __init__(self, inner: Files, lock: FileLock) -> None:
        self.inner = inner
        self._lock = lock

    def make_dirs(self, path: str) -> None:
        """Guarded."""
        self._lock.check()
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
        """Guarded; the new file is then written freely, for it lies in the locked folder."""
        self._lock.check()
        return self.inner.create(path)

    def open_append(self, path: str) -> AppendFile:
        """Guarded, and so is each write."""
        self._lock.check()
        return GuardedAppendFile(self.inner.open_append(path), self._lock)

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Passed on."""
        return self.inner.read(path, offset, length)

    def open_read(self, path: str) -> ReadFile:
        """Passed on."""
        return self.inner.open_read(path)

    def forget(self, path: str) -> None:
        """Passed on."""
        self.inner.forget(path)

    def rename(self, old: str, new: str) -> None:
        """Guarded."""
        self._lock.check()
        self.inner.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Guarded."""
        self._lock.check()
        self.inner.link(old, new)

    def remove(self, path: str) -> None:
        """Guarded."""
        self._lock.check()
        self.inner.remove(path)

    def is_dir(self, path: str) -> bool:
        """Passed on."""
        return self.inner.is_dir(path)

    def remove_dir(self, path: str) -> None:
        """Guarded."""
        self._lock.check()
        self.inner.remove_dir(path)

    def sync_dir(self, path: str) -> None:
        """Passed on."""
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
