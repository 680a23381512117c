"""A folder that is being made is complete, or refused by everybody, or not there."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.layout import BACKUP_LIST, INCOMPLETE, StoreLayout
from asteroid_cloud.wal.errors import Conflict, LockHeld, StorageError
from asteroid_cloud.wal.store import FolderKind, enter, kind_of, new_folder
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles

NEW = "backups/new"


def put(files: Files, name: str) -> None:
    file = files.create(f"{NEW}/{name}")
    file.write(b"data")
    file.close()


def make(files: Files) -> None:
    with new_folder(files, NEW) as making:
        making.make_dirs(f"{NEW}/wal")
        put(making, "wal/a")
        put(making, "wal/b")


def test_it_is_incomplete_from_the_first_file_to_the_last() -> None:
    files = MemoryFiles()
    with new_folder(files, NEW) as making:
        assert set(files.image()) == {f"{NEW}/{INCOMPLETE}"}
        making.make_dirs(f"{NEW}/wal")
        put(making, "wal/a")
        put(making, BACKUP_LIST)
        assert kind_of(files, NEW) is FolderKind.INCOMPLETE
        with pytest.raises(StorageError, match="is incomplete") as caught:
            enter(files, NEW)
        assert caught.value.code == "incomplete"
        with pytest.raises(LockHeld), new_folder(files, NEW):
            raise AssertionError("two make it at once")
    assert set(files.image()) == {f"{NEW}/wal/a", f"{NEW}/{BACKUP_LIST}"}
    assert kind_of(files, NEW) is FolderKind.BACKUP


@pytest.mark.parametrize("was_there", [True, False])
def test_row_7_what_fails_anywhere_leaves_nothing_and_works_the_next_time(was_there: bool) -> None:
    for at in range(1, 100):
        files = MemoryFiles()
        files.make_dirs(NEW if was_there else "backups")
        faulty = FaultyFiles(files)
        faulty.arm(at, Fault.SHORT_NO_SPACE)
        try:
            make(faulty)
        except StorageError:
            assert (files.image(), files.exists(NEW)) == ({}, was_there)
        else:
            assert faulty.failed == 0
            break
        make(files)
        assert set(files.image()) == {f"{NEW}/wal/a", f"{NEW}/wal/b"}
    assert at > 10


def test_row_7_what_is_killed_anywhere_is_refused_until_it_is_made_again() -> None:
    """From one operation on the disk refuses everything, as it would for a process that is gone."""
    refused = 0
    for at in range(1, 100):
        files = MemoryFiles()
        faulty = FaultyFiles(files)
        faulty.arm(at, Fault.SHORT_IO_ERROR, for_ever=True)
        try:
            make(faulty)
        except StorageError:
            kind = kind_of(files, NEW)
            refused += kind is FolderKind.INCOMPLETE
            if kind is FolderKind.STORE:
                assert set(files.image()) == {f"{NEW}/wal/a", f"{NEW}/wal/b"}
                continue
            assert kind in (FolderKind.INCOMPLETE, FolderKind.EMPTY)
        else:
            break
        make(files)
        assert set(files.image()) == {f"{NEW}/wal/a", f"{NEW}/wal/b"}
    assert refused > 5


@pytest.mark.parametrize("name", [f"{NEW}/letter", f"{NEW}/{BACKUP_LIST}", StoreLayout(NEW).collection().log])
def test_what_is_there_is_not_touched(name: str) -> None:
    files = MemoryFiles({f"{name}/x": b"mine"})
    image = files.image()
    with pytest.raises(Conflict) as caught, new_folder(files, NEW, taken="backup_exists"):
        raise AssertionError("not entered")
    assert caught.value.code == "backup_exists"
    assert files.image() == image
