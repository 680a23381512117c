"""New files are there as a whole or not at all: whatever fails, the old contents or the new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from asteroid_cloud.wal.disk.atomic_write import (
    UNFINISHED,
    NewFile,
    publish_all,
    rename_durably,
    write_atomic,
    write_whole,
)
from asteroid_cloud.wal.errors import StorageError
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles

PATH = "data/file"


@pytest.mark.parametrize("fault", [Fault.IO_ERROR, Fault.SHORT_NO_SPACE])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_disk_that_fails_leaves_the_old_or_the_new(fault: Fault, old: bytes | None) -> None:
    outcomes: set[bytes | None] = set()
    for at in range(1, 20):
        memory = MemoryFiles({} if old is None else {PATH: old})
        memory.make_dirs("data")
        memory.contents[PATH + UNFINISHED] = bytearray(b"left by a crash")
        files = FaultyFiles(memory)
        files.arm(at, fault)
        try:
            write_atomic(files, PATH, b"new contents")
        except StorageError:
            found = bytes(memory.contents[PATH]) if PATH in memory.contents else None
            assert found in (old, b"new contents")
            outcomes.add(found)
            files.disarm()
            write_atomic(files, PATH, b"new contents")
        else:
            break
        assert bytes(memory.contents[PATH]) == b"new contents"
    else:
        raise AssertionError("it never came through")
    assert old in outcomes
    assert list(memory.contents) == [PATH]


def test_nothing_has_the_name_before_it_is_synced() -> None:
    files = FaultyFiles(MemoryFiles())
    files.make_dirs("data")
    files.arm(100, Fault.IO_ERROR)
    write_atomic(files, PATH, b"x", "data/made-as")
    assert [kind for kind, _ in files.seen] == ["create", "write", "sync", "rename", "sync_dir"]
    assert files.seen[0][1] == "data/made-as"


def test_pieces_that_end_in_an_error_leave_nothing() -> None:
    memory = MemoryFiles({PATH: b"old"})

    def pieces() -> Iterator[bytes]:
        yield b"half of"
        raise ValueError("the source is damaged")

    with pytest.raises(ValueError, match="damaged"):
        write_whole(memory, PATH, pieces())
    assert memory.image() == {PATH: b"old"}
    assert write_whole(memory, PATH, [b"a", b"bc"]) == 3
    assert memory.image() == {PATH: b"abc"}


def test_files_that_belong_together_get_their_names_after_all_are_synced() -> None:
    files = FaultyFiles(MemoryFiles())
    files.make_dirs("data")
    files.arm(100, Fault.IO_ERROR)
    new_files = [NewFile(files, f"data/{name}") for name in "ab"]
    for new in new_files:
        new.write(b"x")
        new.sync()
    publish_all(files, "data", new_files)
    kinds = [kind for kind, _ in files.seen]
    assert kinds == ["create"] * 2 + ["write", "sync"] * 2 + ["rename"] * 2 + ["sync_dir"]
    assert sorted(files.list("data")) == ["a", "b"]


def test_an_abandoned_file_is_gone_and_no_error_hides_the_first() -> None:
    files = FaultyFiles(MemoryFiles({PATH: b"old"}))
    new = NewFile(files, PATH)
    new.write(b"new")
    files.arm(1, Fault.IO_ERROR, "remove")
    new.abandon()
    assert files.failed == 1
    new.abandon()
    assert files.list("data") == ["file"]


def test_a_name_given_durably() -> None:
    files = FaultyFiles(MemoryFiles({PATH: b"x"}))
    files.arm(100, Fault.IO_ERROR)
    rename_durably(files, PATH, PATH + ".broken")
    assert files.seen == [("rename", PATH), ("sync_dir", "data")]
