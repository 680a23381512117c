"""New files that are there as a whole or not at all, whatever stops their writer.

A file is written under an unfinished name, synced and renamed, and its folder is synced. What a crash leaves
under an unfinished name was never in use.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.errors import StorageError

UNFINISHED = ".new"
"""Ends the name of a file that is not whole yet."""


class NewFile:
    """A file on its way to its name, for writers that need the steps one by one.

    The steps are ``write``, ``sync``, ``publish``, and then ``sync_dir`` of the folder. ``abandon`` removes
    the file at any point before ``publish``. A file that an earlier attempt left there is replaced.
    """

    def __init__(self, files: Files, path: str, unfinished: str | None = None) -> None:
        self.path = path
        self.unfinished = unfinished or path + UNFINISHED
        self._files = files
        remove_if_exists(files, self.unfinished)
        self._file = files.create(self.unfinished)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.size

    def write(self, data: bytes | memoryview) -> None:
        """Appends all of ``data``."""
        self._file.write(data)

    def sync(self) -> None:
        """Makes the contents durable."""
        self._file.sync()

    def close(self) -> None:
        """Closes the file, whose contents are whole; more than once does nothing."""
        self._file.close()

    def publish(self) -> None:
        """Gives the file its name, in place of a file that may have it; durable after ``sync_dir``."""
        self.close()
        self._files.rename(self.unfinished, self.path)

    def abandon(self) -> None:
        """Removes what there is under the unfinished name, as far as the disk allows."""
        with suppress(StorageError):
            self.close()
            remove_if_exists(self._files, self.unfinished)


def write_whole(files: Files, path: str, pieces: Iterable[bytes], unfinished: str | None = None) -> int:
    """Gives a file these contents, durably, in place of what it may have had; the bytes written.

    ``unfinished`` is the name to write under, ``path`` + UNFINISHED by default. Raises NoSpace, StorageError
    or what ``pieces`` raises; the file is then as it was, or new as a whole.
    """
    new = NewFile(files, path, unfinished)
    try:
        for piece in pieces:
            new.write(piece)
        new.sync()
        size = new.size
        new.publish()
    except BaseException:
        new.abandon()
        raise
    files.sync_dir(folder_of(path))
    return size


def write_atomic(files: Files, path: str, data: bytes, unfinished: str | None = None) -> None:
    """``write_whole`` for contents that are in memory."""
    write_whole(files, path, (data,), unfinished)


def publish_all(files: Files, folder: str, new_files: Iterable[NewFile]) -> None:
    """Gives files of one folder their names, in this order, and makes the names durable together."""
    for new in new_files:
        new.publish()
    files.sync_dir(folder)


def rename_durably(files: Files, old: str, new: str) -> None:
    """Gives a finished file another name in its folder, in place of what has that name."""
    files.rename(old, new)
    files.sync_dir(folder_of(new))


def remove_unfinished(files: Files, folder: str) -> None:
    """Removes the files of a folder that a crash or a full disk kept from being finished."""
    for name in files.list(folder):
        if name.endswith(UNFINISHED):
            files.remove(f"{folder}/{name}")


def remove_if_exists(files: Files, path: str) -> None:
    """Removes a file, if there is one."""
    if files.exists(path):
        files.remove(path)


def folder_of(path: str) -> str:
    """The folder that a file lies in."""
    return path.rpartition("/")[0] or "."
