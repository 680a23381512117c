"""A file that an operator names is replaced as a whole, and stays whose it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asteroid_cloud.wal.disk import change_named
from asteroid_cloud.wal.errors import CorruptionError, LockHeld, StorageError


def test_the_change_sees_the_file_and_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    change_named(str(path), lambda data: data + b"a", 10)
    assert path.read_bytes() == b"a"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    change_named(str(path), lambda data: data + b"b", 10)
    assert path.read_bytes() == b"ab"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["file"]


def test_what_fails_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a")
    with pytest.raises(ZeroDivisionError):
        change_named(str(path), lambda data: bytes([1 // 0]), 10)
    with pytest.raises(StorageError, match="more than 10 bytes"):
        change_named(str(path), lambda data: b"x" * 11, 10)
    path.write_bytes(b"a" * 11)
    with pytest.raises(CorruptionError):
        change_named(str(path), lambda data: b"x", 10)
    assert path.read_bytes() == b"a" * 11
    assert os.listdir(tmp_path) == ["file"]


def test_a_change_within_a_change_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "file")

    def inner(data: bytes) -> bytes:
        with pytest.raises(LockHeld, match="another command"):
            change_named(path, lambda data: b"inner", 10)
        return b"outer"

    change_named(path, inner, 10)
    assert Path(path).read_bytes() == b"outer"


def test_no_folder_and_no_fifo(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot change"):
        change_named(str(tmp_path / "none" / "file"), lambda data: b"", 10)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CorruptionError, match="FIFO"):
        change_named(str(tmp_path / "fifo"), lambda data: b"", 10)
