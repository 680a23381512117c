"""Commands that only look, as a person types them, over folders that cannot be written to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from asteroid_cloud.api.cli.main import main
from asteroid_cloud.indexer import EngineOptions
from tests.support.engines import opened, u64, vectors
from tests.support.store_image import image_of, read_only

pytestmark = pytest.mark.anyio

QUIET = EngineOptions(idle_seal_s=600, idle_flush_s=600)
COMMANDS: dict[str, tuple[Sequence[str], int]] = {
    "verify": (("verify",), 0),
    "verify and replay": (("verify", "--replay"), 0),
    "replay": (("wal", "replay"), 0),
    "recovery": (("recovery",), 0),
    "repair": (("wal", "repair"), 0),
}
"""Each look, and the status with which it ends."""


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A segment, records behind it, and a torn tail, which the next start would cut."""
    path = tmp_path / "store"
    async with opened(path) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(10)), vectors(10, 4), None)
        await engine.flush()
        await engine.upsert(u64(3), vectors(1, 4), None)
    log = max((path / "wal").glob("*.wal"))
    log.write_bytes(log.read_bytes() + b"torn")
    return path


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("has_lock", [True, False])
async def test_a_look_changes_no_byte_and_no_time(name: str, has_lock: bool, store: Path) -> None:
    arguments, status = COMMANDS[name]
    if not has_lock:
        (store / "LOCK").unlink()
    with read_only(store):
        before = image_of(store)
        result = CliRunner().invoke(main, [*arguments, "--data", str(store), "--json"])
        assert result.exit_code == status, result.output
        assert image_of(store) == before
    assert json.loads(result.stdout)


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_look_beside_a_server_is_refused_or_changes_nothing(name: str, store: Path) -> None:
    arguments, status = COMMANDS[name]
    async with opened(store, QUIET):
        before = {name: data for name, (_, _, data) in image_of(store).items()}
        result = CliRunner().invoke(main, [*arguments, "--data", str(store)])
        assert {name: data for name, (_, _, data) in image_of(store).items()} == before
    needs_the_store_alone = bool({"replay", "--replay"} & set(arguments))
    assert result.exit_code == (2 if needs_the_store_alone else status)
