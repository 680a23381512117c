"""One process at a time may write to a store; readers share it and leave no trace."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from asteroid_cloud.wal import LocalFiles, lock_directory
from asteroid_cloud.wal.disk.files import FileLock, Files
from asteroid_cloud.wal.disk.layout import LOCK
from asteroid_cloud.wal.disk.lock import look_at_directory
from asteroid_cloud.wal.errors import CorruptionError, LockHeld, StorageError
from tests.support.faulty_files import MemoryFiles
from tests.support.read_only_files import ReadOnlyFiles

Take = Callable[[Files, str], FileLock]
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


def test_a_removed_lock_file_lets_nobody_in(tmp_path: Path) -> None:
    lock = lock_directory(LocalFiles(), str(tmp_path))
    (tmp_path / LOCK).unlink()
    with pytest.raises(LockHeld, match="a store can be open once only"):
        lock_directory(LocalFiles(), str(tmp_path))
    with pytest.raises(LockHeld):
        look_at_directory(LocalFiles(), str(tmp_path))
    assert list(tmp_path.iterdir()) == [], "a refusal leaves no lock file"
    lock.check()
    lock.release()
    lock_directory(LocalFiles(), str(tmp_path)).release()


def test_the_lock_file_alone_keeps_others_out(tmp_path: Path) -> None:
    """A program of version 0.1.0 locks nothing else."""
    path = tmp_path / LOCK
    with path.open("w") as old:
        old.write("123")
        old.flush()
        fcntl.flock(old, fcntl.LOCK_EX)
        for take in (lock_directory, look_at_directory):
            with pytest.raises(LockHeld, match="held by process 123;"):
                take(LocalFiles(), str(tmp_path))
    lock_directory(LocalFiles(), str(tmp_path)).release()


def test_a_folder_in_the_place_of_the_locked_one_is_noticed(tmp_path: Path) -> None:
    store, aside = tmp_path / "store", tmp_path / "aside"
    store.mkdir()
    lock = lock_directory(LocalFiles(), str(store))
    lock.check()
    store.rename(aside)
    with pytest.raises(StorageError, match="no longer the folder") as caught:
        lock.check()
    assert caught.value.code == "lock_lost"
    store.mkdir()
    with pytest.raises(StorageError, match="no longer the folder"):
        lock.check()
    lock.release()


@pytest.mark.parametrize("code", [errno.EBADF, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP])
def test_where_folders_cannot_be_locked_the_lock_file_is_watched(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def only_files(fd: int, how: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(code, os.strerror(code))
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", only_files)
    lock = lock_directory(LocalFiles(), str(tmp_path))
    with pytest.raises(LockHeld, match=f"held by process {os.getpid()};"):
        lock_directory(LocalFiles(), str(tmp_path))
    lock.check()
    (tmp_path / LOCK).unlink()
    with pytest.raises(StorageError, match="no longer the folder"):
        lock.check()
    lock.release()
    LocalFiles().lock_folder(str(tmp_path)).check()


def test_a_lock_stays_with_the_process_that_took_it(tmp_path: Path) -> None:
    """A child after a fork has no part in it, and keeps nobody out when its parent has ended."""
    lock = lock_directory(LocalFiles(), str(tmp_path))
    told, tell = os.pipe()
    stay, end = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  (another process)
        with suppress(BaseException):
            os.close(end)
            try:
                lock.check()
            except StorageError as error:
                os.write(tell, error.code.encode())
            lock.release()
            os.write(tell, b".")
            os.read(stay, 1)
        os._exit(0)
    try:
        assert os.read(told, 99) in (b"lock_lost", b"lock_lost.")
        with pytest.raises(LockHeld):
            lock_directory(LocalFiles(), str(tmp_path))
        lock.check()
        lock.release()
        lock_directory(LocalFiles(), str(tmp_path)).release()
    finally:
        for fd in (end, told, tell, stay):
            os.close(fd)
        os.waitpid(child, 0)


@pytest.mark.parametrize("take", [lock_directory, look_at_directory])
def test_a_link_or_fifo_as_the_lock_file_is_refused(take: Take, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    store = tmp_path / "store"
    store.mkdir()
    (store / LOCK).symlink_to(target)
    with pytest.raises(CorruptionError, match="it is a symbolic link"):
        take(LocalFiles(), str(store))
    assert target.read_bytes() == b"precious"
    (store / LOCK).unlink()
    os.mkfifo(store / LOCK)
    with pytest.raises(CorruptionError, match="it is a FIFO"):
        take(LocalFiles(), str(store))
    (store / LOCK).unlink()
    take(LocalFiles(), str(store)).release()
