"""One process at a time has a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asteroid_cloud.wal import LocalFiles, lock_directory
from asteroid_cloud.wal.errors import LockHeld
from tests.support.faulty_files import MemoryFiles

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
