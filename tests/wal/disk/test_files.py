"""The file layers agree: the disk's, the one in memory, and those that wrap another."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from asteroid_cloud.wal.disk.contents import read_small
from asteroid_cloud.wal.disk.files import Files
from asteroid_cloud.wal.disk.local_files import LocalFiles
from asteroid_cloud.wal.disk.remove_tree import remove_tree
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, StorageError
from tests.support.faulty_files import SHORT_BYTES, CountingFiles, Fault, FaultyFiles, MemoryFiles


@pytest.fixture(params=["disk", "memory", "counting", "faulty, not armed"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Files, str]:
    """A file layer and a folder in it."""
    memory = MemoryFiles()
    memory.make_dirs("root")
    layers: dict[str, tuple[Files, str]] = {
        "disk": (LocalFiles(), str(tmp_path)),
        "memory": (memory, "root"),
        "counting": (CountingFiles(memory), "root"),
        "faulty, not armed": (FaultyFiles(memory), "root"),
    }
    return layers[request.param]


def test_what_is_written_is_read(place: tuple[Files, str]) -> None:
    files, root = place
    files.make_dirs(f"{root}/a/b")
    file = files.create(f"{root}/a/b/f")
    file.write(b"hello ")
    file.write(memoryview(b"world"))
    file.sync()
    assert file.size == files.size(f"{root}/a/b/f") == 11
    assert files.read(f"{root}/a/b/f", 4, 4) == b"o wo"
    assert files.read(f"{root}/a/b/f", 9, 100) == b"ld"
    assert files.read(f"{root}/a/b/f", 11, 1) == files.read(f"{root}/a/b/f", 50, 1) == b""
    file.truncate(5)
    file.close()
    file.close()
    again = files.open_append(f"{root}/a/b/f")
    assert again.size == 5
    again.write(b"!")
    again.close()
    assert files.read(f"{root}/a/b/f", 0, 100) == b"hello!"
    assert files.free_bytes(root) > 0


def test_names(place: tuple[Files, str]) -> None:
    files, root = place
    files.create(f"{root}/old").close()
    other = files.create(f"{root}/new")
    other.write(b"replaced")
    other.close()
    assert sorted(files.list(root)) == ["new", "old"]
    files.rename(f"{root}/old", f"{root}/new")
    files.sync_dir(root)
    assert files.list(root) == ["new"]
    assert files.size(f"{root}/new") == 0
    assert (files.exists(f"{root}/old"), files.exists(f"{root}/new"), files.exists(root)) == (
        False,
        True,
        True,
    )
    files.remove(f"{root}/new")
    assert files.list(root) == []


def test_failures_are_storage_errors(place: tuple[Files, str]) -> None:
    files, root = place
    file = files.create(f"{root}/f")
    for fails in (
        lambda: files.create(f"{root}/f"),
        lambda: files.create(f"{root}/none/f"),
        lambda: files.open_append(f"{root}/none"),
        lambda: files.read(f"{root}/none", 0, 1),
        lambda: files.size(f"{root}/none"),
        lambda: files.list(f"{root}/none"),
        lambda: files.remove(f"{root}/none"),
        lambda: files.rename(f"{root}/none", f"{root}/other"),
        lambda: files.sync_dir(f"{root}/none"),
    ):
        with pytest.raises(StorageError):
            fails()
    file.close()
    with pytest.raises(StorageError):
        file.write(b"x")
    with pytest.raises(StorageError):
        file.sync()


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    files = LocalFiles()
    files.make_dirs(f"{tmp_path}/a/b")
    files.create(f"{tmp_path}/a/b/f").close()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/f")]
    assert modes == [0o700, 0o700, 0o600]


def test_a_full_disk_is_told_from_a_broken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = LocalFiles().create(f"{tmp_path}/f")
    for code, kind in ((errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EIO, StorageError)):

        def fail(*_: object, code: int = code) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "write", fail)
        with pytest.raises(StorageError) as caught:
            file.write(b"x")
        assert type(caught.value) is kind
    monkeypatch.undo()
    file.close()


def test_a_write_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    file = LocalFiles().create(f"{tmp_path}/f")
    file.write(b"0123456789")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_forgetting_changes_nothing(place: tuple[Files, str]) -> None:
    files, root = place
    file = files.create(f"{root}/f")
    file.write(b"kept")
    files.forget(f"{root}/f")
    assert files.read(f"{root}/f", 0, 9) == b"kept"
    with pytest.raises(StorageError):
        files.forget(f"{root}/absent")


def test_forgetting_is_told_to_the_system_and_no_error_of_its_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int, int]] = []

    def refuse(fd: int, offset: int, length: int, advice: int) -> None:
        told.append((offset, length, advice))
        raise OSError(errno.EINVAL, "not this file system")

    (tmp_path / "f").write_bytes(b"kept")
    monkeypatch.setattr(os, "posix_fadvise", refuse)
    before = len(os.listdir("/proc/self/fd"))
    LocalFiles().forget(str(tmp_path / "f"))
    assert told == [(0, 0, os.POSIX_FADV_DONTNEED)], "the whole file"
    assert len(os.listdir("/proc/self/fd")) == before


def test_counting() -> None:
    files = CountingFiles(MemoryFiles({"d/f": b""}))
    file = files.open_append("d/f")
    file.write(b"x")
    file.sync()
    file.sync()
    files.sync_dir("d")
    assert files.counts == {"write": 1, "sync": 2, "sync_dir": 1}


@pytest.mark.parametrize(
    ("fault", "left", "kind"),
    [
        (Fault.IO_ERROR, 0, StorageError),
        (Fault.NO_SPACE, 0, NoSpace),
        (Fault.SHORT_IO_ERROR, SHORT_BYTES, StorageError),
        (Fault.SHORT_NO_SPACE, SHORT_BYTES, NoSpace),
    ],
)
def test_faults(fault: Fault, left: int, kind: type[StorageError]) -> None:
    memory = MemoryFiles({"d/f": b""})
    files = FaultyFiles(memory)
    file = files.open_append("d/f")
    files.arm(2, fault, "write")
    file.write(b"")
    with pytest.raises(StorageError) as caught:
        file.write(b"0123456789")
    assert type(caught.value) is kind
    assert files.size("d/f") == left
    file.write(b"on")
    assert (files.failed, files.seen) == (1, [("write", "d/f")] * 3)


def test_a_fault_for_ever_and_on_some_paths_only() -> None:
    files = FaultyFiles(MemoryFiles({"d/f": b"", "d/g": b""}))
    file, other = files.open_append("d/f"), files.open_append("d/g")
    files.arm(1, Fault.IO_ERROR, "sync", for_ever=True, path_contains="/f")
    for _ in range(3):
        other.sync()
        with pytest.raises(StorageError):
            file.sync()
    assert files.failed == 3
    files.disarm()
    file.sync()


def test_a_data_directory_may_be_the_top_of_a_file_system(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    assert LocalFiles().list(str(tmp_path)) == []
    LocalFiles().create(f"{tmp_path}/lost").close()
    assert LocalFiles().list(str(tmp_path)) == ["lost"]


def test_a_link_to_nothing_and_a_file_are_named_when_a_folder_is_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="a link to what does not exist"):
        LocalFiles().list(str(tmp_path / "link"))
    for path, reason in (("link", "a link to what does not exist"), ("file/below", "file is not a folder")):
        with pytest.raises(StorageError, match=reason):
            LocalFiles().make_dirs(str(tmp_path / path))
    (tmp_path / "gone").mkdir()
    LocalFiles().make_dirs(str(tmp_path / "link" / "inside"))
    assert (tmp_path / "gone" / "inside").is_dir()


@pytest.mark.parametrize("kind", ["link", "dangling link", "FIFO", "socket", "folder"])
def test_only_regular_files_are_opened(kind: str, tmp_path: Path) -> None:
    """Row 12 and 13 of what can be planted: nothing is followed, and nothing waits."""
    (tmp_path / "target").write_bytes(b"precious")
    path, files = f"{tmp_path}/f", LocalFiles()
    with socket.socket(socket.AF_UNIX) as listener:
        plant = {
            "link": lambda: os.symlink(tmp_path / "target", path),
            "dangling link": lambda: os.symlink(tmp_path / "absent", path),
            "FIFO": lambda: os.mkfifo(path),
            "socket": lambda: listener.bind(path),
            "folder": lambda: os.mkdir(path),
        }
        plant[kind]()
        descriptors = len(os.listdir("/proc/self/fd"))
        assert files.exists(path), "also a link that leads nowhere: what is there must not count as absent"
        for fails in (
            lambda: files.size(path),
            lambda: files.read(path, 0, 9),
            lambda: files.open_read(path),
            lambda: files.open_append(path),
            lambda: files.forget(path),
            lambda: read_small(files, path, 9),
        ):
            with pytest.raises(CorruptionError, match=r"it is .*not a regular file"):
                fails()
        with pytest.raises(StorageError):
            files.create(path)
        assert len(os.listdir("/proc/self/fd")) == descriptors
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert not (tmp_path / "absent").exists()


def test_removing_a_folder_does_not_follow_links_out_of_it(tmp_path: Path) -> None:
    files, other, tree = LocalFiles(), tmp_path / "other", tmp_path / "tree"
    other.mkdir()
    (other / "precious").write_bytes(b"precious")
    tree.mkdir()
    (tree / "link").symlink_to(other)
    assert (files.is_dir(str(tree)), files.is_dir(str(tree / "link")), files.is_dir(str(tree / "x"))) == (
        True,
        False,
        False,
    )
    assert remove_tree(files, str(tree)) == 1
    assert not tree.exists()
    assert (other / "precious").read_bytes() == b"precious"
