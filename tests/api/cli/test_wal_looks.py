"""The commands that look at a log change no byte of it, and work where nothing can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli import options
from asteroid_cloud.api.cli.wal import commands, transfer
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.format.log_file import file_name
from asteroid_cloud.wal.lsn import Lsn
from tests.support.logs import file_of, frames_of
from tests.support.read_only_files import ReadOnlyFiles

LOOKS = (("ls",), ("ls", "--json"), ("dump",), ("dump", "--id", "2"), ("verify",), ("stats",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """A copy of a store without a LOCK file: two log files, a torn tail, and what a crash left unfinished."""
    copy = tmp_path / "copy"
    (copy / "wal").mkdir(parents=True)
    first, second = file_of(*frames_of(2, 1)), file_of(*frames_of(3, first=4), b"torn", first=4)
    contents = {file_name(Lsn(1)): first, file_name(Lsn(4)): second, f"{file_name(Lsn(7))}.new": b"AST"}
    for name, data in contents.items():
        (copy / "wal" / name).write_bytes(data)
        (copy / "wal" / name).chmod(0o400)
    folders = [copy / "wal", copy]
    for folder in folders:
        folder.chmod(0o500)
    yield copy
    for folder in folders:
        folder.chmod(0o700)


@pytest.fixture(autouse=True)
def _read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands get a file layer that refuses every change."""
    monkeypatch.setattr(options, "LocalFiles", lambda: ReadOnlyFiles(LocalFiles()))


def picture(store: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file and folder: its mode, the time of its last change, and its bytes."""
    found = {}
    for path in (store, *sorted(store.rglob("*"))):
        state = path.stat()
        data = path.read_bytes() if path.is_file() else b"".join(name.encode() for name in os.listdir(path))
        found[str(path)] = (state.st_mode, state.st_mtime_ns, data)
    return found


@pytest.mark.parametrize("arguments", LOOKS, ids=" ".join)
def test_a_look_changes_nothing(store: Path, arguments: tuple[str, ...]) -> None:
    before = picture(store)
    result = CliRunner().invoke(commands.wal, [*arguments, "--data", str(store)])
    assert (result.exit_code, result.exception) == (0, None), result.output
    assert result.stdout
    assert picture(store) == before


def test_an_export_changes_only_its_own_file(store: Path, tmp_path: Path) -> None:
    class OnlyThere(ReadOnlyFiles):
        """Lets the exported file be written, and its folder be synced."""

        def watch(self, kind: str, path: str, write_part: object) -> None:
            if not path.startswith(f"{tmp_path}/out") and path != str(tmp_path):
                raise AssertionError(f"{kind} {path}")

    before, target = picture(store), tmp_path / "out.export"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "LocalFiles", lambda: OnlyThere(LocalFiles()))
        result = CliRunner().invoke(commands.wal, ["export", str(target), "--data", str(store)])
    assert (result.exit_code, result.exception) == (0, None), result.output
    assert "6 records" in result.stdout
    assert target.stat().st_size > 0
    assert picture(store) == before
