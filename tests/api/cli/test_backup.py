"""Backups by name over HTTP, by command and from a program of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.service.backups import Backups
from asteroid_cloud.wal.errors import Conflict
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio


async def test_backups_are_made_by_name_and_link_to_the_newest(
    http: Http, store: Store, tmp_path: Path
) -> None:
    await http.insert(1, ZEROS)
    await store.flush()
    first = await http.send("POST", "/v1/backup", {"name": "monday"}, status=201)
    assert (first["linked_bytes"], first["lsn"]) == (0, store.engine.applied_lsn)
    await http.insert(2, ZEROS)
    second = await http.send("POST", "/v1/backup", {"name": "tuesday"}, status=201)
    assert second["linked_bytes"] > 0
    listed = (await http.send("GET", "/v1/backup", status=200))["backups"]
    assert [each["name"] for each in listed] == ["tuesday", "monday"]
    await http.refused("POST", "/v1/backup", {"name": "monday"}, status=409, code="backup_exists")
    api.restore(tmp_path / "backups" / "tuesday", tmp_path / "again")
    async with api.open(tmp_path / "again") as again:
        assert await again.count() == 2


async def test_damage_in_the_newest_backup_is_named_and_the_next_one_is_whole(
    http: Http, store: Store, tmp_path: Path
) -> None:
    await http.insert(1, ZEROS)
    await store.flush()
    await http.send("POST", "/v1/backup", {"name": "monday"}, status=201)
    rotten = next((tmp_path / "backups" / "monday" / "index").glob("*.graph"))
    rotten.write_bytes(rotten.read_bytes()[:-1])
    made = await http.send("POST", "/v1/backup", {"name": "tuesday"}, status=201)
    assert [each.partition(":")[0] for each in made["damaged"]] == [f"monday/index/{rotten.name}"]
    (tmp_path / "backups" / "tuesday" / "BACKUP.json").write_bytes(b"{")
    made = await http.send("POST", "/v1/backup", {"name": "wednesday"}, status=201)
    named = [each.partition(":")[0] for each in made["damaged"]]
    assert named == ["tuesday/BACKUP.json", f"monday/index/{rotten.name}"]
    assert str(tmp_path) not in "".join(made["damaged"])
    assert [each["name"] for each in (await http.send("GET", "/v1/backup", status=200))["backups"]] == [
        "wednesday",
        "monday",
    ]
    api.restore(tmp_path / "backups" / "wednesday", tmp_path / "again")
    async with api.open(tmp_path / "again") as again:
        assert await again.count() == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "-x", "x" * 65, "a b", "\u00e9", 7, None, "a\n"]
)
async def test_a_name_stays_within_the_folder(http: Http, name: object) -> None:
    await http.refused("POST", "/v1/backup", {"name": name}, status=400, code="bad_backup_name")


async def test_without_a_folder_nothing_is_written(http: Http, store: Store) -> None:
    store.served.backups = Backups(store.engine, None)
    await http.refused("POST", "/v1/backup", {"name": "a"}, status=409, code="backup_not_configured")
    await http.refused("GET", "/v1/backup", status=409, code="backup_not_configured")


def test_the_commands(tmp_path: Path) -> None:
    def run(*arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "asteroid_cloud.api", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    data, copy, again = (str(tmp_path / name) for name in ("data", "copy", "again"))
    with api.open_blocking(data, DIM) as store:
        store.insert_batch([(n, [n, 0, 0, 0], {"n": n}) for n in range(20)], progress=False)
        assert "lock_held" in run("backup", copy, "--data", data, status=1)
        with pytest.raises(Conflict):
            store.backup(data)
    report = json.loads(run("backup", copy, "--data", data, "--json"))
    assert report["files"] >= 1
    assert "Checked" in run("restore", copy, "--check")
    assert "Restored" in run("restore", copy, "--into", again)
    with api.open_blocking(again) as store:
        assert store.count({"n": {"$lt": 5}}) == 5
    assert "not_empty" in run("restore", copy, "--into", again, status=1)
    assert "no_backup" in run("restore", data, "--check", status=1)
    (log,) = (tmp_path / "copy" / "wal").iterdir()
    log.write_bytes(log.read_bytes()[:-1])
    assert "corruption" in run("restore", copy, "--check", status=1)
