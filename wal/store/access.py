"""The one gate into a store. Whoever opens one, reads it or changes it comes in here.

``enter`` is for those who may change it: alone, and with everything finished that a crash has interrupted.
``look`` and ``peek`` write nothing and work on a read-only file system: a look keeps writers out meanwhile, a
peek goes on beside one. Both refuse a store in which something was interrupted, for its parts may be of two
states.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from asteroid_cloud.wal.disk.atomic_write import remove_if_exists
from asteroid_cloud.wal.disk.files import FileLock, Files
from asteroid_cloud.wal.disk.guarded_files import GuardedFiles
from asteroid_cloud.wal.disk.layout import DEFAULT, CollectionLayout, StoreLayout
from asteroid_cloud.wal.errors import LockHeld, StorageError
from asteroid_cloud.wal.store.kind import FolderKind, kind_of, refusal, refuse_linked_parts
from asteroid_cloud.wal.store.swap import finish_interrupted, is_interrupted

logger = logging.getLogger(__name__)
MAY_BECOME_ONE = (FolderKind.ABSENT, FolderKind.EMPTY, FolderKind.OTHER)


class StoreAccess(msgspec.Struct, frozen=True):
    """A store that this process has for itself, until ``release``."""

    files: Files
    """What the store is to be read and changed with: it writes nothing once the lock is lost."""
    layout: CollectionLayout
    lock: FileLock

    def release(self) -> None:
        """Lets others in; a second time does nothing."""
        self.lock.release()

    def __enter__(self) -> StoreAccess:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def enter(files: Files, folder: str, *, creates: bool = False) -> StoreAccess:
    """Takes the store in ``folder`` for this process alone, and finishes what was interrupted in it.

    With ``creates`` a folder that is absent, or holds no store, is made one. Raises LockHeld, NotFound when
    there is no store, Conflict ``is_backup``, StorageError ``incomplete``; nothing is left behind then.
    """
    before = _checked(files, folder, creates=creates)
    if before is FolderKind.ABSENT:
        files.make_dirs(folder)
    layout = StoreLayout(folder)
    had_lock_file = files.exists(layout.lock)
    lock = files.lock(layout.lock)
    try:
        try:  # again: it may have become something else since
            _checked(files, folder, creates=creates)
        except BaseException:
            if not had_lock_file:
                remove_if_exists(files, layout.lock)
            raise
        access = StoreAccess(GuardedFiles(files, lock), layout.collection(), lock)
        for what in finish_interrupted(access.files, access.layout):
            logger.warning("finished %s that had been interrupted", what)
    except BaseException:
        lock.release()
        raise
    return access


class _LentLock:
    """A lock that belongs to somebody else, who releases it."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def check(self) -> None:
        """Raises StorageError ``lock_lost`` once the lock is lost."""
        self._lock.check()

    def release(self) -> None:
        """Does nothing."""


def enter_collection(store: StoreAccess, id_: str) -> StoreAccess:
    """A way into one collection of a store that this process has: ``default`` or the id of another one.

    Finishes what was interrupted in that collection. Its release does nothing: the lock is the store's.
    Raises CorruptionError, StorageError.
    """
    access = StoreAccess(store.files, StoreLayout(store.layout.root).collection(id_), _LentLock(store.lock))
    for what in finish_interrupted(access.files, access.layout):
        logger.warning("finished %s that had been interrupted in %s", what, access.layout.folder)
    return access


@contextmanager
def look(files: Files, folder: str, *, backups: bool = False) -> Iterator[None]:
    """Keeps writers out of the store in ``folder`` while the block reads it; changes nothing.

    With ``backups`` a backup may be looked at as well. Raises LockHeld when a process has it open for
    writing, NotFound, Conflict ``is_backup``, StorageError ``incomplete`` or ``interrupted``.
    """
    peek(files, folder, backups=backups)
    lock = files.lock_shared(StoreLayout(folder).lock)
    try:
        peek(files, folder, backups=backups)
        yield
    finally:
        lock.release()


@contextmanager
def look_beside(
    files: Files, folder: str, *, backups: bool = False, id_: str | None = DEFAULT
) -> Iterator[bool]:
    """As ``look``, but where a process has the store open for writing, the block runs beside it.

    Yields whether one has: then files may come and go while the block runs. ``id_`` is the collection that is
    looked at: only what was interrupted in it matters; None for who looks at none. Raises as ``peek``.
    """
    peek(files, folder, backups=backups, id_=id_)
    lock: FileLock | None = None
    with suppress(LockHeld):
        lock = files.lock_shared(StoreLayout(folder).lock)
    try:
        peek(files, folder, backups=backups, id_=id_)
        yield lock is None
    finally:
        if lock is not None:
            lock.release()


def peek(files: Files, folder: str, *, backups: bool = False, id_: str | None = DEFAULT) -> None:
    """Refuses what must not be read as a store; for those who read beside a writer. Raises as ``look``."""
    _checked(files, folder, backups=backups)
    layout = None if id_ is None else StoreLayout(folder).collection(id_)
    if layout is not None and is_interrupted(files, layout):
        raise StorageError(
            f"a restore in place or a reindex was interrupted in {layout.folder}; "
            "the next start, or any command that changes the store, finishes it",
            code="interrupted",
        )


def _checked(files: Files, folder: str, *, creates: bool = False, backups: bool = False) -> FolderKind:
    kind = kind_of(files, folder)
    is_welcome = (
        kind is FolderKind.STORE
        or (creates and kind in MAY_BECOME_ONE)
        or (backups and kind is FolderKind.BACKUP)
    )
    if not is_welcome:
        raise refusal(folder, kind)
    if kind is FolderKind.BACKUP:
        refuse_linked_parts(files, folder)
    return kind
