"""Existing files are read in bounded pieces and cut durably."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asteroid_cloud.wal.disk.contents import cut_file, read_chunks, read_small
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.limits import MIB
from tests.support.faulty_files import Fault, FaultyFiles, MemoryFiles


def test_chunks_are_all_there_and_bounded() -> None:
    data = bytes(range(256)) * (10 * 1024)
    files = MemoryFiles({"d/f": data})
    chunks = list(read_chunks(files, "d/f", 7, len(data)))
    assert b"".join(chunks) == data[7:]
    assert max(len(chunk) for chunk in chunks) == MIB
    assert list(read_chunks(files, "d/f", 5, 5)) == []


def test_a_file_that_ends_too_soon_is_damage() -> None:
    with pytest.raises(CorruptionError, match="ends before byte 5") as caught:
        list(read_chunks(MemoryFiles({"d/f": b"123"}), "d/f", 1, 5))
    assert (caught.value.path, caught.value.offset) == ("d/f", 3)


def test_a_cut_is_synced() -> None:
    files = FaultyFiles(MemoryFiles({"d/f": b"12345"}))
    files.arm(100, Fault.IO_ERROR)
    cut_file(files, "d/f", 2)
    assert [kind for kind, _ in files.seen] == ["truncate", "sync"]
    assert files.read("d/f", 0, 9) == b"12"


def test_a_file_over_its_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_small(LocalFiles(), str(path), 5) == b"12345"
    os.truncate(path, 1 << 40)
    with pytest.raises(CorruptionError, match=r"1,099,511,627,776 bytes; .* at most 5"):
        read_small(LocalFiles(), str(path), 5)
