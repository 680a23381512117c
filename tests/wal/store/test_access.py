"""One gate: stores are entered, looked at, peeked at; backups, half and interrupted stores are refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.layout import BACKUP_LIST, INCOMPLETE, LOCK, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, LockHeld, StorageError
from asteroid_cloud.wal.store import FolderKind, enter, kind_of, look, peek, replace_index
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles
from tests.support.read_only_files import ReadOnlyFiles

STORE = "data"
LAYOUT = StoreLayout(STORE).collection()
KINDS: dict[str, tuple[dict[str, bytes], FolderKind]] = {
    "absent": ({}, FolderKind.ABSENT),
    "empty": ({f"{STORE}/{LOCK}": b""}, FolderKind.EMPTY),
    "store": ({f"{LAYOUT.log}/x": b""}, FolderKind.STORE),
    "store in a swap": ({LAYOUT.restored.ready: b"1"}, FolderKind.STORE),
    "backup": ({f"{LAYOUT.log}/x": b"", f"{STORE}/{BACKUP_LIST}": b"{}"}, FolderKind.BACKUP),
    "backup opened by 0.1.0": (
        {f"{LAYOUT.log}/x": b"", f"{STORE}/{BACKUP_LIST}": b"{}", f"{STORE}/{LOCK}": b""},
        FolderKind.BACKUP,
    ),
    "half": ({f"{LAYOUT.log}/x": b"", f"{STORE}/{INCOMPLETE}": b""}, FolderKind.INCOMPLETE),
    "half a backup": ({f"{STORE}/{BACKUP_LIST}": b"", f"{STORE}/{INCOMPLETE}": b""}, FolderKind.INCOMPLETE),
    "other": ({f"{STORE}/letter": b""}, FolderKind.OTHER),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_is_one_thing(name: str) -> None:
    contents, kind = KINDS[name]
    assert kind_of(MemoryFiles(contents), STORE) is kind


def entered(files: Files) -> None:
    enter(files, STORE).release()


def created(files: Files) -> None:
    enter(files, STORE, creates=True).release()


def looked(files: Files) -> None:
    with look(files, STORE):
        pass


def looked_at_a_backup(files: Files) -> None:
    with look(files, STORE, backups=True):
        pass


def peeked(files: Files) -> None:
    peek(files, STORE)


Way = Callable[[Files], None]
WELCOME: dict[Way, set[str]] = {
    entered: {"store", "store in a swap"},
    created: {"absent", "empty", "store", "store in a swap", "other"},
    looked: {"store"},
    looked_at_a_backup: {"store", "backup", "backup opened by 0.1.0"},
    peeked: {"store"},
}
CODES = {
    "absent": "not_found",
    "empty": "not_found",
    "other": "not_found",
    "backup": "is_backup",
    "backup opened by 0.1.0": "is_backup",
    "half": "incomplete",
    "half a backup": "incomplete",
    "store in a swap": "interrupted",
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("way", WELCOME, ids=lambda way: way.__name__)
def test_what_is_no_store_is_refused_with_its_reason_and_nothing_changes(way: Way, name: str) -> None:
    files = MemoryFiles(KINDS[name][0])
    if name in WELCOME[way]:
        way(files)
        return
    image, folders = files.image(), set(files.folders)
    with pytest.raises(AsteroidError) as caught:
        way(files)
    assert caught.value.code == CODES[name]
    assert (files.image(), files.folders) == (image, folders)


@pytest.mark.parametrize("way", [looked, peeked])
def test_a_look_writes_nothing(way: Way) -> None:
    way(ReadOnlyFiles(MemoryFiles(KINDS["store"][0])))


def test_who_is_in_keeps_the_right_ones_out() -> None:
    files = MemoryFiles(KINDS["store"][0])
    with enter(files, STORE):
        for way in (entered, created, looked):
            with pytest.raises(LockHeld):
                way(files)
        peeked(files)
    with look(files, STORE), look(files, STORE):
        with pytest.raises(LockHeld):
            entered(files)
        peeked(files)
    entered(files)


def test_a_store_that_becomes_a_backup_while_it_is_being_locked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wal").mkdir()

    class Late(LocalFiles):
        def lock(self, path: str) -> object:  # type: ignore[override]  # a lock all the same
            held = super().lock(path)
            (tmp_path / BACKUP_LIST).touch()
            return held

    with pytest.raises(AsteroidError) as caught:
        enter(Late(), str(tmp_path))  # type: ignore[arg-type]
    assert caught.value.code == "is_backup"
    assert sorted(os.listdir(tmp_path)) == sorted([BACKUP_LIST, "wal"]), "no lock file is left in it"


def test_nothing_is_written_to_a_folder_in_the_place_of_the_store(tmp_path: Path) -> None:
    """A server whose folder is moved away, and another put there, writes to neither."""
    store, aside = tmp_path / "store", tmp_path / "aside"
    (store / "wal").mkdir(parents=True)
    with enter(LocalFiles(), str(store)) as access:
        files, folder = access.files, access.layout.log
        log = files.create(f"{folder}/a")
        log.write(b"1")
        log.close()
        log = files.open_append(f"{folder}/a")
        log.write(b"2")
        store.rename(aside)
        (store / "wal").mkdir(parents=True)
        (store / "wal" / "theirs").touch()
        for write in (
            lambda: log.write(b"3"),
            lambda: files.create(f"{folder}/b"),
            lambda: files.open_append(f"{folder}/theirs"),
            lambda: files.make_dirs(f"{folder}/c"),
            lambda: files.rename(f"{folder}/theirs", f"{folder}/d"),
            lambda: files.link(f"{folder}/theirs", f"{folder}/d"),
            lambda: files.remove(f"{folder}/theirs"),
            lambda: files.remove_dir(folder),
        ):
            with pytest.raises(StorageError) as caught:
                write()
            assert caught.value.code == "lock_lost"
        log.truncate(1)
        log.close()
        assert files.list(folder) == ["theirs"]
    assert os.listdir(store / "wal") == ["theirs"]
    assert (aside / "wal" / "a").read_bytes() == b"1"


def state(tag: str, layout: str) -> dict[str, bytes]:
    return {f"{layout}/{part}/it": tag.encode() for part in ("index", "wal", "tags")}


def test_row_25_a_swap_stopped_anywhere_is_finished_by_who_enters_and_refused_by_who_looks() -> None:
    interrupted = 0
    for at in range(1, 100):
        contents = {
            **state("old", STORE),
            **state("new", LAYOUT.restored.folder),
            LAYOUT.restored.ready: b"3",
        }
        files = MemoryFiles(contents)
        faulty = FaultyFiles(files)
        faulty.arm(at, Fault.IO_ERROR, for_ever=True)
        with suppress(StorageError):
            entered(faulty)
        if files.exists(LAYOUT.restored.ready):
            interrupted += 1
            for way in (looked, looked_at_a_backup, peeked):
                with pytest.raises(StorageError) as caught:
                    way(ReadOnlyFiles(files))
                assert caught.value.code == "interrupted"
        entered(files)
        looked(files)
        assert files.image() == {**state("new", STORE), **state("old", LAYOUT.replaced(3).folder)}
        if not faulty.failed:
            break
    assert interrupted > 5


def test_an_index_swap_stopped_anywhere_is_finished_by_who_enters() -> None:
    interrupted = 0
    new, old = {f"{LAYOUT.rebuilt_index}/it": b"new"}, {f"{LAYOUT.index}/it": b"old"}
    for at in range(1, 100):
        files = MemoryFiles({**new, **old})
        faulty = FaultyFiles(files)
        faulty.arm(at, Fault.IO_ERROR, for_ever=True)
        with suppress(StorageError):
            replace_index(faulty, LAYOUT)
        if files.exists(LAYOUT.rebuilt_ready):
            interrupted += 1
            with pytest.raises(StorageError) as caught:
                peeked(ReadOnlyFiles(files))
            assert caught.value.code == "interrupted"
        was_begun = not files.exists(f"{LAYOUT.rebuilt_index}/it") or files.exists(LAYOUT.rebuilt_ready)
        entered(files)
        done = {f"{LAYOUT.index}/it": b"new", f"{LAYOUT.broken_index(1)}/it": b"old"}
        left = {path: data for path, data in files.image().items() if not path.endswith(".new")}
        assert left == (done if was_begun else old), "what was never complete is removed"
        if not faulty.failed:
            break
    assert interrupted > 3


def test_what_was_never_complete_is_removed_by_who_enters_and_by_nobody_who_looks() -> None:
    store = {f"{LAYOUT.log}/x": b"", f"{LAYOUT.index}/it": b"old"}
    half = {f"{LAYOUT.restored.log}/x": b"deleted since", f"{LAYOUT.rebuilt_index}/it": b"new"}
    files = MemoryFiles({**store, **half})
    peeked(ReadOnlyFiles(files))
    entered(files)
    assert files.image() == store
    assert set(files.list(STORE)) == {"wal", "index"}


def test_a_swap_that_does_not_say_where_to_is_refused() -> None:
    for text in (b"", b"x", b"-1", b"1" * 99):
        with pytest.raises(CorruptionError):
            entered(MemoryFiles({**state("old", STORE), LAYOUT.restored.ready: text}))
