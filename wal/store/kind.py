"""What a folder is. Each command asks this first: none takes a backup for a store, or half of one for all."""

from __future__ import annotations

from enum import Enum

from asteroid_cloud.wal.disk.atomic_write import UNFINISHED
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.layout import (
    BACKUP_LIST,
    INCOMPLETE,
    LOCK,
    StoreLayout,
    has_store,
    is_whole_collection,
)
from asteroid_cloud.wal.errors import AsteroidError, Conflict, CorruptionError, NotFound, StorageError


class FolderKind(Enum):
    """What a folder may be."""

    ABSENT = "absent"
    EMPTY = "empty"
    """Nothing is in it but, perhaps, a lock file."""
    STORE = "a store"
    BACKUP = "a backup"
    INCOMPLETE = "incomplete"
    """A store or a backup whose making has not ended."""
    OTHER = "something else"


def kind_of(files: Files, folder: str) -> FolderKind:
    """What the folder is now; raises StorageError when it cannot be listed."""
    if not files.exists(folder):
        return FolderKind.ABSENT
    names = set(files.list(folder)) - {LOCK}
    is_marked = bool(names & {INCOMPLETE, INCOMPLETE + UNFINISHED})
    if is_marked and not is_whole_collection(names):
        return FolderKind.INCOMPLETE
    if BACKUP_LIST in names:
        return FolderKind.BACKUP
    if has_store(names):
        return FolderKind.STORE
    return FolderKind.OTHER if names else FolderKind.EMPTY


def refuse_linked_parts(files: Files, folder: str) -> None:
    """Raises CorruptionError when a folder inside a backup is a link: what it leads to is no part of it."""
    for part in StoreLayout(folder).collection().parts:
        if files.exists(part) and not files.is_dir(part):
            raise CorruptionError(part, 0, "it is a link, or a file, where a backup has a folder")


def refusal(folder: str, kind: FolderKind) -> AsteroidError:
    """The error for somebody who wanted a store and found ``kind``."""
    if kind is FolderKind.BACKUP:
        return Conflict(
            f"{folder} is a backup, and stays as it is: "
            f"asteroid restore {folder} --into DIR makes a store of it",
            code="is_backup",
        )
    if kind is FolderKind.INCOMPLETE:
        return StorageError(
            f"{folder} is incomplete: a command that was making it was interrupted; "
            "run that command again, or remove the folder",
            code="incomplete",
        )
    return NotFound(f"there is no store in {folder}")
