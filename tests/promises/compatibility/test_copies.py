"""Copies of a store with records of a newer kind are refused by programs that do not know these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    Mixed,
    Point,
    PointInTimeRestore,
    Reindex,
    SetFields,
    Upserts,
    backup_stopped_store,
    reindex_into,
    restore_backup,
)
from asteroid_cloud.indexer.checkpoint import manifest as manifests
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import UnsupportedVersion
from asteroid_cloud.wal.format import log_file
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_MAX
from asteroid_cloud.wal.transfer import export_log, import_log
from tests.promises.compatibility.test_kinds import image

pytestmark = pytest.mark.anyio
OPTIONS = EngineOptions(keep_log=True, payload_bytes_max=PAYLOAD_BYTES_MAX)
FLAGS = {"string ids": 1, "optional vectors": 2, "large payloads": 4, "mixed writes": 8}
LARGE = b'{"a":"%s"}' % (b"x" * 70_000)


async def fill(path: Path, kind: str) -> str:
    """A store with records of that kind; its digest."""
    ids = "string" if kind == "string ids" else "integer"
    vector = "optional" if kind == "optional vectors" else "required"
    async with Engine.open(str(path), OPTIONS) as engine:
        await engine.ready()
        await engine.create_index(3, "l2", ids=ids, vector=vector)
        keys = engine.snapshot().spec.ids.of(["a", "b"] if ids == "string" else [1, 2])
        bare, rows = (np.array([True, False]), 1) if vector == "optional" else (None, 2)
        payloads = [LARGE if kind == "large payloads" else b'{"n":1}', b""]
        await engine.upsert(keys, np.ones((rows, 3), np.float32), payloads, bare=bare)
        if kind == "mixed writes":
            none = Upserts(keys[:0], np.empty((0, 3), np.float32))
            await engine.decided.write(Mixed(keys[:1], none, sets=[(2, SetFields(b'{"s":1}', []))]), 1000)
        await engine.flush()
        return snapshot_digest(engine.snapshot())


async def digest_of(path: Path) -> str:
    """What a store holds; raises UnsupportedVersion."""
    async with Engine.open(str(path), OPTIONS) as engine:
        await engine.ready()
        return snapshot_digest(engine.snapshot())


def copied(way: str, store: Path, folder: Path) -> Path:
    """A copy of the store, or the store itself with another index."""
    files, made = LocalFiles(), folder / "copy"
    match way:
        case "backup":
            backup_stopped_store(files, str(store), str(folder / "backup"))
            restore_backup(files, str(folder / "backup"), str(made))
        case "import":
            export_log(files, str(store / "wal"), str(folder / "file"))
            import_log(files, str(folder / "file"), str(made))
        case "point in time":
            PointInTimeRestore(files, str(store)).to_new(str(made), Point())
        case "replay into":
            reindex_into(files, str(store), str(made), Point(), OPTIONS, lambda done, total: None)
        case _:
            Reindex(files, str(store), OPTIONS).apply(lambda done, total: None)
            return store
    return made


@pytest.mark.parametrize("kind", FLAGS)
@pytest.mark.parametrize("way", ["backup", "import", "point in time", "replay into", "reindex"])
async def test_a_copy_is_whole_and_refused_by_programs_that_do_not_know_its_records(
    tmp_path: Path, kind: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await fill(tmp_path / "store", kind)
    made = copied(way, tmp_path / "store", tmp_path)
    before = image(made)
    with monkeypatch.context() as older:
        older.setattr(log_file, "FLAGS", log_file.FLAGS & ~FLAGS[kind])
        known = manifests.FEATURES_KNOWN - {kind.replace(" ", "_")}
        older.setattr(manifests, "FEATURES_KNOWN", known)
        with pytest.raises(UnsupportedVersion):
            await digest_of(made)
        assert image(made) == before
    assert await digest_of(made) == digest


def test_the_flags_are_all_that_there_are() -> None:
    assert sum(FLAGS.values()) | log_file.TEXT_INDEXES == log_file.FLAGS
