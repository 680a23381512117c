"""Small files that are there as a whole or not at all: whatever fails, the old contents or the new."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.disk.atomic_write import UNFINISHED, write_atomic
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
