"""Which files are a log's, and whether the oldest of them is still there."""

from __future__ import annotations

import pytest

from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.format.log_file import file_name
from asteroid_cloud.wal.lsn import Lsn
from asteroid_cloud.wal.read.log_folder import checked_file_header, log_files, was_trimmed
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import FIRST, FOLDER, IDENTITY, disk, file_of


def test_names_sort_as_their_numbers_and_other_files_are_left_alone() -> None:
    names = [file_name(Lsn(lsn)) for lsn in (1, 9, 10, 2**63)]
    others = ["1.wal", f"{names[0]}.56.broken", f"{names[0]}.new", "notes.txt"]
    files = MemoryFiles({f"{FOLDER}/{name}": b"" for name in [*reversed(names), *others]})
    assert [path for _, path in log_files(files, FOLDER)] == [f"{FOLDER}/{name}" for name in names]
    assert log_files(files, "no such folder") == []


def test_a_log_is_trimmed_when_a_later_file_is_the_oldest() -> None:
    files = disk((4, file_of(first=4)))
    assert was_trimmed(files, FOLDER, Lsn(1))
    assert not was_trimmed(files, FOLDER, Lsn(4))
    assert not was_trimmed(MemoryFiles(), FOLDER, Lsn(1))


def test_a_header_is_held_against_the_name_and_the_store() -> None:
    files = disk(file_of())
    assert checked_file_header(files, FIRST, Lsn(1), IDENTITY).identity == IDENTITY
    assert checked_file_header(files, FIRST, Lsn(1), None).identity == IDENTITY
    with pytest.raises(CorruptionError, match="name and header disagree"):
        checked_file_header(files, FIRST, Lsn(2), None)
    with pytest.raises(CorruptionError, match="another store"):
        checked_file_header(files, FIRST, Lsn(1), b"another store 16")
