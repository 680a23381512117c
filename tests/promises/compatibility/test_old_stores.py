"""A store that an older version wrote opens with everything that was in it, and goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.indexer import EngineOptions
from tests.promises.compatibility.sample_store import DIM, describe
from tests.support.engines import contents, opened
from tests.support.probe import inside

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
VERSIONS = ["0.1.0"]


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """The version that wrote the store."""
    return str(request.param)


@pytest.fixture
def old(version: str, tmp_path: Path) -> Path:
    """A copy of its store."""
    return Path(shutil.copytree(FIXTURES / f"store-{version}", tmp_path / "store"))


@pytest.fixture
def told(version: str) -> dict[str, Any]:
    """What that version saw in it."""
    found: dict[str, Any] = json.loads((FIXTURES / f"store-{version}.json").read_text())
    return found


def lasting(described: dict[str, Any]) -> dict[str, Any]:
    """Without the rows in segments and in the tail, which background work changes from the start on."""
    vectors, _, _, last_lsn = described["stats"]
    return described | {"stats": [vectors, last_lsn]}


def test_everything_is_there_at_each_start(old: Path, told: dict[str, Any]) -> None:
    for _ in range(2):
        assert lasting(describe(str(old))) == lasting(told)


def test_the_store_has_every_kind_of_file(old: Path) -> None:
    kinds = {path.suffix or path.parent.name for path in old.rglob("*") if path.is_file()}
    assert kinds >= {".graph", ".payload", ".fields", ".wal", "tags", "index"}


def test_it_opens_without_a_repair_and_takes_writes(old: Path, told: dict[str, Any]) -> None:
    with api.open_blocking(old) as store:
        assert not store.recovery().mended
        store.upsert(10**6, [1.0] * DIM, {"new": True})
        store.delete(124)
        store.flush()
    with api.open_blocking(old) as store:
        assert store.stats().vectors == len(told["rows"])
        assert store.get_payload(10**6) == {"new": True}
        [nearest] = store.search([1.0] * DIM, k=1)
        assert nearest.id == 10**6
        assert [tag.name for tag in store.tags()] == [name for name, *_ in told["tags"]]


@pytest.mark.anyio
async def test_its_segments_are_counted_and_built_again_one_after_another(old: Path) -> None:
    options = EngineOptions(idle_seal_s=1e9, idle_flush_s=1e9, recovery="strict")
    async with opened(old, options) as engine:
        state = inside(engine).state
        assert engine.stats().segments_of_0_1 == engine.stats().segments > 1
        before, segments = contents(engine), engine.stats().segments
        with anyio.fail_after(30):
            while engine.stats().segments_of_0_1:
                await inside(engine).checkpointer.changed.wait()
        assert engine.stats().segments == segments, "each on its own"
        assert [segment.joins for segment in state.segments] == [0] * segments
        assert contents(engine) == before
    async with opened(old, options) as engine:
        assert engine.stats().segments_of_0_1 == 0
        assert contents(engine) == before
