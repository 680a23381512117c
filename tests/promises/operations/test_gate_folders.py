"""A folder is a store, a backup, or half of one, for every command (rows 7 and 9 of what operators did)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asteroid_cloud.api import open_blocking
from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import Engine, EngineOptions, PointInTimeRestore, restore_backup
from asteroid_cloud.indexer.history.restore_point import Point
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk.layout import BACKUP_LIST, INCOMPLETE
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, StorageError
from tests.support.engines import contents, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.store_image import image_of

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)
CHANGES: dict[str, Sequence[str]] = {
    "recovery --acknowledge": ("recovery", "--acknowledge", "--data", "IT"),
    "recovery": ("recovery", "--data", "IT"),
    "restore --undo": ("restore", "IT", "--undo"),
    "repair": ("wal", "repair", "--data", "IT"),
    "repair --apply": ("wal", "repair", "--apply", "--data", "IT"),
    "replay --apply": ("wal", "replay", "--apply", "--data", "IT"),
    "import": ("wal", "import", "EXPORT", "--data", "IT"),
    "backup": ("backup", "NEW", "--data", "IT"),
}
"""Commands that are for stores only."""
LOOKS: dict[str, Sequence[str]] = {
    "ls": ("wal", "ls", "--data", "IT"),
    "dump": ("wal", "dump", "--data", "IT"),
    "stats": ("wal", "stats", "--data", "IT"),
    "wal verify": ("wal", "verify", "--data", "IT"),
    "export": ("wal", "export", "NEW", "--data", "IT"),
    "replay --into": ("wal", "replay", "--into", "NEW", "--data", "IT"),
    "verify": ("verify", "--data", "IT"),
    "replay": ("wal", "replay", "--data", "IT"),
    "restore --into": ("restore", "IT", "--into", "NEW"),
}
"""Commands that look at a store or a backup."""


def call(command: Sequence[str], it: Path) -> Result:
    named = {"IT": it, "EXPORT": it.parent / "export", "NEW": it.parent / "new"}
    return CliRunner().invoke(main, [str(named.get(word, word)) for word in command])


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A stopped store with a segment and records behind it, its backup, and its exported log beside it."""
    path = tmp_path / "store"
    async with opened(path, QUIET) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(10)), vectors(10, 4), None)
        await engine.flush()
        await engine.upsert(u64(3, 20), vectors(2, 4), None)
        await engine.backup(str(tmp_path / "backup"))
    assert call(("wal", "export", "EXPORT", "--data", "IT"), path).exit_code == 0
    return path


async def held(path: Path) -> dict[int, object]:
    async with opened(path, QUIET) as engine:
        return dict(contents(engine))


async def refused(path: Path, code: str) -> None:
    """The three ways to open a store refuse the folder, and leave it as it is."""
    before = image_of(path)
    with pytest.raises(AsteroidError) as caught:
        async with Engine.open(str(path)):
            pass
    assert caught.value.code == code
    with pytest.raises(AsteroidError) as caught, open_blocking(str(path)):
        pass
    assert caught.value.code == code
    assert image_of(path) == before


@pytest.mark.parametrize("name", CHANGES)
async def test_row_9_no_command_takes_a_backup_for_a_store(name: str, store: Path) -> None:
    backup = store.parent / "backup"
    before = image_of(backup)
    result = call(CHANGES[name], backup)
    assert result.exit_code != 0, result.output
    assert "is_backup" in result.stderr
    assert f"asteroid restore {backup} --into DIR" in result.stderr.replace("\n", " ")
    assert image_of(backup) == before
    assert not (store.parent / "new").exists()


async def test_row_9_no_opening_takes_a_backup_for_a_store(store: Path) -> None:
    backup = store.parent / "backup"
    await refused(backup, "is_backup")
    before = image_of(backup)
    with pytest.raises(AsteroidError):
        PointInTimeRestore(LocalFiles(), str(backup)).in_place(Point())
    served = subprocess.run(
        [sys.executable, "-m", "asteroid_cloud.api", "serve", "--data", str(backup), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert served.returncode == 1
    assert f"{backup} is a backup" in served.stderr
    assert image_of(backup) == before
    assert call(("restore", "IT", "--check"), backup).exit_code == 0
    assert call(("restore", "IT", "--into", "NEW"), backup).exit_code == 0
    assert await held(store.parent / "new") == await held(store)


async def test_row_9_a_backup_that_is_copied_into_place_is_refused(store: Path) -> None:
    shutil.copytree(store.parent / "backup", store, dirs_exist_ok=True)
    await refused(store, "is_backup")


@pytest.mark.parametrize("name", LOOKS)
async def test_row_9_a_backup_may_be_looked_at(name: str, store: Path) -> None:
    backup = store.parent / "backup"
    before = image_of(backup)
    result = call(LOOKS[name], backup)
    assert result.exit_code == 0, result.output
    assert image_of(backup) == before


async def test_row_7_a_restore_that_fails_leaves_nothing_and_works_once_it_can(store: Path) -> None:
    backup, new = store.parent / "backup", store.parent / "new"
    segment = next((backup / "index").glob("segment-*.graph"))
    segment.rename(backup / "aside")
    for command in (
        ("restore", "IT", "--into", "NEW"),
        ("restore", "IT", "--until-lsn", "2", "--into", "NEW"),
    ):
        failed = call(command, backup)
        if failed.exit_code == 0:  # the log has it all: no segment is needed
            shutil.rmtree(new)
        assert not new.exists()
    (backup / "aside").rename(segment)
    assert call(("restore", "IT", "--into", "NEW"), backup).exit_code == 0
    assert await held(new) == await held(store)


async def test_row_7_a_restore_that_is_killed_is_refused_by_all_until_it_is_done_again(store: Path) -> None:
    backup, new = store.parent / "backup", store.parent / "new"
    for at in (6, 12, 20):
        faulty = FaultyFiles(LocalFiles())
        faulty.arm(at, Fault.SHORT_IO_ERROR, for_ever=True)  # what it would tidy up stays as well
        with pytest.raises(StorageError):
            restore_backup(faulty, str(backup), str(new))
        assert (new / INCOMPLETE).exists()
        await refused(new, "incomplete")
        for name, command in {**CHANGES, **LOOKS}.items():
            if name == "import":
                continue  # it makes a store of such a folder, and begins anew
            other = [str(store.parent / "other") if word == "NEW" else word for word in command]
            before = image_of(new)
            result = call(other, new)
            assert result.exit_code != 0
            assert "incomplete" in result.stderr
            assert image_of(new) == before
    assert call(("restore", "IT", "--into", "NEW"), backup).exit_code == 0
    assert await held(new) == await held(store)


async def test_segments_alone_are_not_an_empty_store(store: Path) -> None:
    """What a restore of version 0.1.0 left when it was killed has no marker, and is not served as empty."""
    shutil.rmtree(store / "wal")
    for manifest in (store / "index").glob("manifest-*"):
        manifest.unlink()
    before = {path.name for path in (store / "index").iterdir()}
    for mode in ("strict", "tail", "salvage"):
        with pytest.raises(CorruptionError, match="neither a manifest nor a log"):
            async with opened(store, EngineOptions(recovery=mode)):  # type: ignore[arg-type]
                pass
    assert {path.name for path in (store / "index").iterdir()} >= before


@pytest.mark.parametrize("name", [*CHANGES, *LOOKS])
@pytest.mark.parametrize("there", [True, False], ids=["empty", "absent"])
async def test_where_there_is_no_store_commands_say_so_and_leave_nothing(
    name: str, there: bool, store: Path
) -> None:
    nowhere = store.parent / "nowhere"
    if there:
        nowhere.mkdir()
    if name == "import":
        return  # it makes one
    result = call({**CHANGES, **LOOKS}[name], nowhere)
    assert result.exit_code != 0, result.output
    assert nowhere.exists() == there
    assert not there or os.listdir(nowhere) == []
    assert not (store.parent / "new").exists()


async def test_a_folder_of_another_kind_is_no_store_for_commands(store: Path) -> None:
    other = store.parent / "other"
    other.mkdir()
    (other / "letter").write_text("dear")
    for name in ("recovery --acknowledge", "repair --apply", "import"):
        assert call(CHANGES[name], other).exit_code == 1
    with suppress(FileNotFoundError):
        (other / BACKUP_LIST).unlink()
    assert os.listdir(other) == ["letter"]
