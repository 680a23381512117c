"""An interrupted swap is finished by whoever changes the store, and refused by whoever looks (row 25)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions, PointInTimeRestore, Reindex, Verification
from asteroid_cloud.indexer.history.restore_point import Point
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk.layout import StoreLayout
from asteroid_cloud.wal.errors import StorageError
from asteroid_cloud.wal.store import is_interrupted
from tests.support.engines import contents, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.store_image import image_of

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)
FINISH: dict[str, Sequence[str]] = {
    "replay --apply": ("wal", "replay", "--apply", "--data", "IT"),
    "repair --apply": ("wal", "repair", "--apply", "--data", "IT"),
    "recovery --acknowledge": ("recovery", "--acknowledge", "--data", "IT"),
    "restore --in-place": ("restore", "IT", "--in-place"),
}
REFUSE: dict[str, Sequence[str]] = {
    "verify": ("verify", "--data", "IT"),
    "verify --replay": ("verify", "--replay", "--data", "IT"),
    "replay": ("wal", "replay", "--data", "IT"),
    "replay --into": ("wal", "replay", "--into", "NEW", "--data", "IT"),
    "repair": ("wal", "repair", "--data", "IT"),
    "recovery": ("recovery", "--data", "IT"),
    "ls": ("wal", "ls", "--data", "IT"),
    "export": ("wal", "export", "NEW", "--data", "IT"),
    "restore --into": ("restore", "IT", "--into", "NEW"),
    "backup": ("backup", "NEW", "--data", "IT"),
}


async def made(path: Path) -> dict[int, dict[int, object]]:
    """A store, and what it held after some records."""
    seen: dict[int, dict[int, object]] = {}
    async with opened(path, QUIET) as engine:
        await engine.create_index(4, "l2")
        for first in (0, 10, 20):
            await engine.upsert(u64(*range(first, first + 5)), vectors(5, 4, first), None)
            await engine.flush()
            seen[engine.applied_lsn] = dict(contents(engine))
    return seen


async def held(path: Path) -> dict[int, object]:
    async with opened(path, QUIET) as engine:
        found = dict(contents(engine))
    assert Verification(LocalFiles(), str(path)).run().findings == []
    return found


def interrupted_restores(store: Path, lsn: int) -> list[Path]:
    """Copies of the store in which a restore in place was killed, each at another step of its swap."""
    copies = []
    for at in range(1, 200):
        copy = store.parent / f"at-{at}"
        shutil.copytree(store, copy)
        faulty = FaultyFiles(LocalFiles())
        faulty.arm(at, Fault.SHORT_IO_ERROR, for_ever=True)
        with suppress(StorageError):
            PointInTimeRestore(faulty, str(copy)).in_place(Point(lsn=lsn))
        if is_interrupted(LocalFiles(), StoreLayout(str(copy)).collection()):
            copies.append(copy)
        else:
            shutil.rmtree(copy)
            if copies or not faulty.failed:
                break
    return copies


async def test_row_25_an_interrupted_restore_in_place_is_finished_or_refused(tmp_path: Path) -> None:
    store = tmp_path / "store"
    seen = await made(store)
    lsn, wanted = sorted(seen.items())[0]
    copies = interrupted_restores(store, lsn)
    assert len(copies) > 5, "at each step of the swap"
    for number, copy in enumerate(copies):
        before = image_of(copy)
        for name, command in list(REFUSE.items())[number % 2 :: 2]:
            named = {"IT": str(copy), "NEW": str(tmp_path / "new")}
            result = CliRunner().invoke(main, [named.get(word, word) for word in command])
            assert result.exit_code != 0, name
            assert "interrupted" in result.stderr, name
            assert image_of(copy) == before, name
            assert not (tmp_path / "new").exists(), name
        finishing = list(FINISH.values())[number % len(FINISH)]
        result = CliRunner().invoke(main, [word.replace("IT", str(copy)) for word in finishing])
        assert result.exit_code == 0, result.output
        assert not is_interrupted(LocalFiles(), StoreLayout(str(copy)).collection())
        assert await held(copy) == wanted


async def test_an_interrupted_restore_in_place_is_finished_by_a_start_and_can_be_undone(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    seen = await made(store)
    lsns = sorted(seen)
    copy = interrupted_restores(store, lsns[1])[2]
    assert await held(copy) == seen[lsns[1]]
    assert CliRunner().invoke(main, ["restore", str(copy), "--undo"]).exit_code == 0
    assert await held(copy) == seen[lsns[-1]]


async def test_a_reindex_that_is_killed_between_its_renames_costs_nothing(tmp_path: Path) -> None:
    """The log does not reach back: an index that is in neither place would be lost."""
    store = tmp_path / "store"
    async with opened(store, EngineOptions(idle_seal_s=600, idle_flush_s=600)) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(9)), vectors(9, 4), None)
        await engine.flush()
        await engine.upsert(u64(1), vectors(1, 4, 1), None)
        wanted = dict(contents(engine))
    between = 0
    for at in range(1, 200):
        copy = tmp_path / f"at-{at}"
        shutil.copytree(store, copy)
        faulty = FaultyFiles(LocalFiles())
        faulty.arm(at, Fault.SHORT_IO_ERROR, "rename", "sync_dir", "remove", for_ever=True)
        with suppress(StorageError):
            Reindex(faulty, str(copy), QUIET).apply(lambda done, total: None)
        between += not (copy / "index").exists()
        assert await held(copy) == wanted
        if not faulty.failed:
            break
    assert between > 0, "killed between the renames"
