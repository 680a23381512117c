"""A new store or backup: a folder that is there as a whole, or refused by everybody.

The marker ``INCOMPLETE`` is the first file in it and the last to go. What fails leaves nothing behind; what
is killed leaves the marker, and the next attempt begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from asteroid_cloud.wal.disk.atomic_write import folder_of, write_atomic
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.guarded_files import GuardedFiles
from asteroid_cloud.wal.disk.layout import INCOMPLETE, LOCK, StoreLayout
from asteroid_cloud.wal.disk.remove_tree import remove_tree
from asteroid_cloud.wal.errors import Conflict, StorageError
from asteroid_cloud.wal.store.kind import FolderKind, kind_of

MARK = b"This folder is being made, or its making was interrupted. It is not complete.\n"


@contextmanager
def new_folder(files: Files, folder: str, *, taken: str = "not_empty") -> Iterator[Files]:
    """Makes ``folder`` within the block, with the files that it yields; nobody else opens it meanwhile.

    Raises Conflict with the code ``taken`` when there is anything in it but what an interrupted attempt has
    left, LockHeld when another process makes it, NoSpace, StorageError, or what the block raises.
    """
    was_there = files.exists(folder)
    _refuse_taken(files, folder, taken)
    files.make_dirs(folder)
    lock = files.lock_folder(folder)
    try:
        _refuse_taken(files, folder, taken)
        guarded, mark = GuardedFiles(files, lock), StoreLayout(folder).incomplete
        _clear(guarded, folder)
        try:
            write_atomic(guarded, mark, MARK)
            yield guarded
            guarded.remove(mark)
            guarded.sync_dir(folder)
        except BaseException:
            with suppress(StorageError):  # if even that fails, the marker stays
                _remove(guarded, folder, mark, was_there)
            raise
    finally:
        lock.release()


def _refuse_taken(files: Files, folder: str, code: str) -> None:
    if kind_of(files, folder) not in (FolderKind.ABSENT, FolderKind.EMPTY, FolderKind.INCOMPLETE):
        raise Conflict(f"{folder} is not empty", code=code)


def _clear(files: Files, folder: str) -> None:
    """Removes all but the marker."""
    for name in set(files.list(folder)) - {LOCK, INCOMPLETE}:
        remove_tree(files, f"{folder}/{name}")


def _remove(files: Files, folder: str, mark: str, was_there: bool) -> None:
    _clear(files, folder)
    files.sync_dir(folder)
    if files.exists(mark):
        files.remove(mark)
    if not was_there:
        files.remove_dir(folder)
        files.sync_dir(folder_of(folder))
