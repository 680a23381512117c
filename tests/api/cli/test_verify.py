"""``asteroid verify`` for cron: over stores and backups, one line of JSON and an exit status in each case."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions
from tests.support.engines import opened, u64, vectors
from tests.support.store_image import image_of, read_only

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("origin")


@pytest.fixture
async def backup(origin: Path, tmp_path: Path) -> Path:
    """A backup with a segment, a tag, and records behind them."""
    if not (origin / "backup").exists():
        async with opened(origin / "store", QUIET) as engine:
            await engine.create_index(4, "l2")
            await engine.upsert(u64(*range(10)), vectors(10, 4), None)
            await engine.tag("here")
            await engine.upsert(u64(3), vectors(1, 4), None)
            await engine.backup(str(origin / "backup"))
    return Path(shutil.copytree(origin / "backup", tmp_path / "backup"))


def verified(folder: Path, status: int) -> dict[str, Any]:
    """What the command prints; a person gets the same status."""
    result = CliRunner().invoke(main, ["verify", "--data", str(folder), "--json"])
    assert (result.exit_code, result.stdout.count("\n")) == (status, 1), result.output
    assert CliRunner().invoke(main, ["verify", "--data", str(folder)]).exit_code == status
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["ok"] == (status == 0)
    return found


async def test_a_whole_backup_is_well_also_where_nothing_can_be_written(backup: Path) -> None:
    with read_only(backup):
        before = image_of(backup)
        found = verified(backup, 0)["store"]
        assert image_of(backup) == before
    assert (found["is_backup"], found["findings"], found["last_lsn"]) == (True, [], 3)


async def test_each_damaged_or_missing_file_of_a_backup_is_named(backup: Path) -> None:
    paths = [path for path in sorted(backup.rglob("*")) if path.is_file()]
    assert len(paths) >= 6
    for path in paths:
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 1
        for data in (damaged, whole[:-1]):
            path.write_bytes(data)
            places = {each["place"] for each in verified(backup, 1)["store"]["findings"]}
            assert str(path) in places
        if path.name != "BACKUP.json":
            path.unlink()
            places = {each["place"] for each in verified(backup, 1)["store"]["findings"]}
            assert str(path) in places
        path.write_bytes(whole)
    verified(backup, 0)


async def test_what_cannot_be_checked_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    found = verified(tmp_path / "nothing", 2)
    assert (found["error"]["code"], found["store"]) == ("not_found", None)
    async with opened(tmp_path / "store", QUIET):
        assert verified(tmp_path / "store", 0)["store"]["is_in_use"] is True
    stopped = verified(tmp_path / "store", 0)["store"]
    assert (stopped["is_backup"], stopped["is_in_use"]) == (False, False)
