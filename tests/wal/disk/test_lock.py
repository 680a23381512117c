"""One process at a time may write to a store; readers share it and leave no trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asteroid_cloud.wal import LocalFiles, lock_directory
from asteroid_cloud.wal.disk.layout import LOCK
from asteroid_cloud.wal.disk.lock import look_at_directory
from asteroid_cloud.wal.errors import LockHeld
from tests.support.faulty_files import MemoryFiles
from tests.support.read_only_files import ReadOnlyFiles

HOLD = """
import sys
from asteroid_cloud.wal import LocalFiles, lock_directory
lock_directory(LocalFiles(), sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_of_another_process_names_it_and_ends_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeld, match=rf"held by process {holder.pid};"):
            lock_directory(LocalFiles(), str(tmp_path))
        holder.kill()
        holder.wait()
    lock_directory(LocalFiles(), str(tmp_path)).release()


@pytest.mark.parametrize("layer", ["disk", "memory"])
def test_a_lock_is_taken_once_until_released(layer: str, tmp_path: Path) -> None:
    files = LocalFiles() if layer == "disk" else MemoryFiles()
    lock = lock_directory(files, str(tmp_path))
    with pytest.raises(LockHeld):
        lock_directory(files, str(tmp_path))
    lock.release()
    lock.release()
    again = lock_directory(files, str(tmp_path))
    with pytest.raises(LockHeld):
        lock_directory(files, str(tmp_path))
    again.release()


@pytest.mark.parametrize("layer", ["disk", "memory"])
def test_readers_share_a_store_and_keep_writers_out(layer: str, tmp_path: Path) -> None:
    files = LocalFiles() if layer == "disk" else MemoryFiles()
    lock_directory(files, str(tmp_path)).release()
    first, second = (look_at_directory(files, str(tmp_path)) for _ in range(2))
    with pytest.raises(LockHeld):
        lock_directory(files, str(tmp_path))
    first.release()
    first.release()
    with pytest.raises(LockHeld):
        lock_directory(files, str(tmp_path))
    second.release()
    writer = lock_directory(files, str(tmp_path))
    with pytest.raises(LockHeld, match=r"held by process \d+;"):
        look_at_directory(files, str(tmp_path))
    writer.release()
    look_at_directory(files, str(tmp_path)).release()


def test_a_writer_that_is_kept_out_by_a_reader_is_told_so(tmp_path: Path) -> None:
    lock_directory(LocalFiles(), str(tmp_path)).release()
    reader = look_at_directory(LocalFiles(), str(tmp_path))
    with pytest.raises(LockHeld, match="held by a command that reads the store"):
        lock_directory(LocalFiles(), str(tmp_path))
    reader.release()


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    files = ReadOnlyFiles(LocalFiles())
    look_at_directory(files, str(tmp_path)).release()
    assert list(tmp_path.iterdir()) == [], "no LOCK file is made"
    lock_directory(LocalFiles(), str(tmp_path)).release()
    path = tmp_path / LOCK
    path.chmod(0o400)
    before = path.read_bytes(), path.stat().st_mtime_ns
    look_at_directory(files, str(tmp_path)).release()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
