"""The list of backups says what is damaged there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.asking import Http

pytestmark = pytest.mark.anyio


async def test_a_damaged_backup_is_named_beside_the_whole_ones(http: Http, tmp_path: Path) -> None:
    for name in ("monday", "tuesday", "wednesday"):
        await http.send("POST", "/v1/backup", {"name": name}, status=201)
    assert (await http.send("GET", "/v1/backup", status=200))["damaged"] == []
    listed = tmp_path / "backups" / "tuesday" / "BACKUP.json"
    listed.write_bytes(listed.read_bytes().replace(b'"lsn"', b'"LSN"'))
    log = tmp_path / "backups" / "wednesday" / "wal"
    log.rename(tmp_path / "elsewhere")
    log.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "backups" / "not ours").mkdir()
    told = await http.send("GET", "/v1/backup", status=200)
    assert [each["name"] for each in told["backups"]] == ["monday"]
    of_tuesday, of_wednesday = told["damaged"]
    assert of_tuesday.startswith("tuesday/BACKUP.json: ")
    assert of_wednesday.startswith("wednesday/wal: it is a link")
    assert str(tmp_path) not in str(told), "no path of the server"
