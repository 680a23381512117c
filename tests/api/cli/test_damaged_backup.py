"""Commands that read the log of a backup say when it is not as it was backed up, instead of taking less."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)
COMMANDS: dict[str, tuple[Sequence[str], int]] = {
    "export": (("wal", "export", "NEW", "--data", "BACKUP"), 1),
    "replay": (("wal", "replay", "--data", "BACKUP", "--into", "NEW"), 2),
    "restore": (("restore", "BACKUP", "--into", "NEW", "--until-lsn", "2"), 1),
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_damage_at_the_very_end_is_no_torn_write(name: str, tmp_path: Path) -> None:
    async with opened(tmp_path / "store", QUIET) as engine:
        await engine.create_index(4, "l2")
        for id_ in range(3):
            await engine.upsert(u64(id_), vectors(1, 4), None)
        await engine.backup(str(tmp_path / "backup"))
    log = max((tmp_path / "backup" / "wal").glob("*.wal"))
    data = bytearray(log.read_bytes())
    data[-5] ^= 1
    log.write_bytes(data)
    words, status = COMMANDS[name]
    named = {"BACKUP": str(tmp_path / "backup"), "NEW": str(tmp_path / "new")}
    result = CliRunner().invoke(main, [named.get(word, word) for word in words])
    assert (result.exit_code, (tmp_path / "new").exists()) == (status, False), result.output
    assert "not as it was written" in result.stderr
