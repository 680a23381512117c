"""What is planted under the names of our files is never opened, followed or waited for (rows 12 to 15)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.wal.errors import AsteroidError
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600)
PLACES = (
    "store/LOCK",
    "store/wal",
    "store/index/manifest",
    "store/index/segment",
    "store/tags/t",
    "store/lost.json",
)
BACKED_UP = ("backup/BACKUP.json", "backup/wal", "backup/index/manifest", "backup/index/segment")
COMMANDS: dict[str, Sequence[str]] = {
    "verify": ("verify", "--data", "STORE"),
    "replay": ("wal", "replay", "--data", "STORE"),
    "ls": ("wal", "ls", "--data", "STORE"),
    "wal verify": ("wal", "verify", "--data", "STORE"),
    "dump": ("wal", "dump", "--data", "STORE"),
    "repair": ("wal", "repair", "--data", "STORE"),
    "recovery": ("recovery", "--data", "STORE"),
    "backup": ("backup", "NEW", "--data", "STORE"),
}
RESTORES: dict[str, Sequence[str]] = {
    "check": ("restore", "BACKUP", "--check"),
    "restore": ("restore", "BACKUP", "--into", "NEW"),
}


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    """A folder with a stopped store, its backup, and a file of somebody else's."""
    async with opened(tmp_path / "store", QUIET) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(10)), vectors(10, 4), None)
        await engine.flush()
        await engine.tag("t")
        await engine.upsert(u64(3), vectors(1, 4), None)
        await engine.backup(str(tmp_path / "backup"))
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "store" / "lost.json").write_text('{"segments":[],"records":[]}')
    return tmp_path


def found(place: Path, name: str) -> Path:
    """The file that a short name stands for."""
    path = place / name
    if path.is_dir():
        return max(path.glob("*.wal"))
    return path if path.exists() else max(path.parent.glob(f"{path.name}*"))


def plant(path: Path, kind: str, place: Path) -> None:
    if kind == "huge":
        os.truncate(path, 1 << 40)
        return
    path.unlink()
    if kind == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to(place / "precious")


def call(command: Sequence[str], place: Path) -> int:
    named = {"STORE": place / "store", "BACKUP": place / "backup", "NEW": place / "new"}
    result = CliRunner().invoke(main, [str(named.get(word, word)) for word in command])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code


async def why_not_opened(place: Path) -> str:
    """What keeps the store from opening; empty if nothing does."""
    try:
        async with opened(place / "store", QUIET):
            return ""
    except AsteroidError as error:
        known = ("not a regular file", "a file of its kind has at most")
        return next((reason for reason in known if reason in error.message), error.message)


@pytest.mark.parametrize("kind", ["FIFO", "link"])
@pytest.mark.parametrize("name", PLACES)
async def test_rows_12_13_planted_in_a_store(name: str, kind: str, place: Path) -> None:
    plant(found(place, name), kind, place)
    statuses = {command: call(words, place) for command, words in COMMANDS.items()}
    assert statuses["verify"] != 0, "it is seen"
    assert await why_not_opened(place) in ("", "not a regular file")
    assert (place / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["FIFO", "link"])
@pytest.mark.parametrize("name", BACKED_UP)
async def test_rows_13_15_planted_in_a_backup(name: str, kind: str, place: Path) -> None:
    plant(found(place, name), kind, place)
    for words in RESTORES.values():
        assert call(words, place) == 1
        assert not (place / "new").exists()
    assert call(("backup", "NEW", "--data", "STORE", "--previous", "BACKUP"), place) in (0, 1)
    assert (place / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("part", ["wal", "index", "tags"])
async def test_row_15_a_folder_of_a_backup_that_is_a_link_is_refused(part: str, place: Path) -> None:
    (place / "backup" / part).rename(place / "elsewhere")
    (place / "backup" / part).symlink_to(place / "elsewhere")
    for words in (*RESTORES.values(), ("verify", "--data", "BACKUP"), ("wal", "ls", "--data", "BACKUP")):
        assert call(words, place) != 0
        assert not (place / "new").exists()
    assert call(("backup", "NEW", "--data", "STORE", "--previous", "BACKUP"), place) == 0
    assert "linked" not in (place / "new" / "BACKUP.json").read_text()
    for path in (place / "new").rglob("*"):
        assert path.is_dir() or path.stat().st_nlink == 1, "nothing of what is behind the link was taken over"
    assert call(("restore", "NEW", "--check"), place) == 0


async def test_a_backup_may_be_reached_by_a_link(place: Path) -> None:
    (place / "backup").rename(place / "elsewhere")
    (place / "backup").symlink_to(place / "elsewhere")
    assert call(RESTORES["restore"], place) == 0


@pytest.mark.parametrize(
    "name", ["store/index/manifest", "store/tags/t", "store/lost.json", "backup/BACKUP.json"]
)
async def test_row_14_a_huge_file_is_not_read(name: str, place: Path) -> None:
    plant(found(place, name), "huge", place)
    command = RESTORES["check"] if name.startswith("backup") else COMMANDS["verify"]
    assert call(command, place) != 0
    assert await why_not_opened(place) in ("", "a file of its kind has at most")
