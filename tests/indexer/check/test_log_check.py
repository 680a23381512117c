"""Verification compares the histories of checkpoint, tags and log, and says what is true without a log."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from asteroid_cloud.indexer import EngineOptions, Point, PointInTimeRestore, Verification, Verified
from asteroid_cloud.indexer.check.findings import FROM_BACKUP, FROM_LOG, NEVER_STARTED
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest, write_manifest
from asteroid_cloud.indexer.history.tags import Tag, read_tag, remove_tag, write_tag
from asteroid_cloud.wal import LocalFiles, LocalLog
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.lsn import HISTORY_LSNS
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio
FILES = LocalFiles()
KEEP = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=True)
TRIM = EngineOptions(idle_seal_s=600, idle_flush_s=600, keep_log=False)


def verified(store: Path) -> Verified:
    return Verification(FILES, str(store)).run()


async def put(store: Path, options: EngineOptions, *ids: int, tag: str = "") -> None:
    """Writes rows, and seals them."""
    async with opened(store, options) as engine:
        if engine.spec is None:
            await engine.create_index(4, "l2")
        for id_ in ids:
            await engine.upsert(u64(id_), vectors(1, 4, id_), None)
        await engine.flush()
        if tag:
            await engine.tag(tag)


async def gone_back_twice(path: Path, options: EngineOptions) -> Path:
    """A store with a tag in each of three histories, and a record behind its checkpoint."""
    await put(path, options, 1, 2, tag="first")
    await put(path, options, 3)
    for number, tag in enumerate(("second", "third"), 4):
        PointInTimeRestore(FILES, str(path)).in_place(Point(tag="first" if tag == "second" else "second"))
        await put(path, options, number, tag=tag)
        await put(path, options, 10 * number)
    async with opened(path, options) as engine:
        await engine.upsert(u64(9), vectors(1, 4), None)
    return path


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Such a store, which keeps all of its log."""
    return await gone_back_twice(tmp_path / "store", KEEP)


def manifest_of(store: Path) -> Manifest:
    found = newest_manifest(FILES, f"{store}/index")
    assert found is not None
    return found


def rewritten(store: Path, **changes: object) -> None:
    """The newest manifest, but with these changes."""
    manifest = manifest_of(store)
    changed = msgspec.structs.replace(manifest, number=manifest.number + 1, **changes)
    write_manifest(FILES, f"{store}/index", changed)


@pytest.mark.parametrize("options", [KEEP, TRIM], ids=["all of the log", "a short log"])
async def test_histories_that_agree_are_no_finding(tmp_path: Path, options: EngineOptions) -> None:
    store = await gone_back_twice(tmp_path / "store", options)
    assert [began for _, began, _ in manifest_of(store).histories] == [HISTORY_LSNS, 2 * HISTORY_LSNS]
    assert verified(store).findings == []


async def test_a_checkpoint_that_knows_of_other_histories_is_found(store: Path) -> None:
    before, (at, began, name) = manifest_of(store).histories
    others = {
        "none": [],
        "the first only": [before],
        "another place": [before, (at - 1, began, name)],
        "another name": [before, (at, began, bytes(16))],
    }
    for what, histories in others.items():
        rewritten(store, histories=histories)
        finding = verified(store).findings[0]
        assert "the checkpoint knows of" in finding.problem, what
        assert f"{began} behind {at}" in finding.problem
        assert finding.advice == FROM_LOG
        assert "manifest-" in finding.place


async def test_a_checkpoint_in_a_stretch_that_was_left_is_found(store: Path) -> None:
    [*before, (at, _, _)] = manifest_of(store).histories
    rewritten(store, histories=before, applied_lsn=at + 1, segments=[])
    problems = [finding.problem for finding in verified(store).findings]
    assert any("of a history that was left" in problem for problem in problems), problems


async def test_a_tag_that_knows_of_other_histories_is_found(store: Path) -> None:
    layout = StoreLayout(str(store)).collection()
    tag = read_tag(FILES, layout, "second")
    other = msgspec.structs.replace(tag.decoded(), histories=[])
    write_manifest(FILES, str(store), other)
    changed = Tag(tag.name, tag.lsn, tag.made_ms, next(store.glob("manifest-*")).read_bytes())
    remove_tag(FILES, layout, tag.name)
    write_tag(FILES, layout, changed)
    [finding] = verified(store).findings
    assert "the tag knows of no new history, the store of histories that begin with" in finding.problem
    assert finding.place == layout.tag(tag.name)


async def test_a_first_start_that_was_killed_is_told_from_a_log_that_is_gone(tmp_path: Path) -> None:
    new = tmp_path / "new"
    for made in ("index", "wal"):
        (new / made).mkdir(parents=True)
        [finding] = verified(new).findings
        assert "there is neither a log nor an index" in finding.problem
        assert finding.advice == NEVER_STARTED
    (new / "wal" / "00000000000000000001.wal.new").write_bytes(b"")
    assert [found.advice for found in verified(new).findings] == [NEVER_STARTED]
    await put(new, KEEP, 1)
    assert verified(new).ok
    for log in (new / "wal").iterdir():
        log.unlink()
    found = verified(new).findings
    assert [finding.advice for finding in found] == [FROM_BACKUP]
    assert "there is no log, though there is an index" in found[0].problem


async def test_a_log_is_all_that_a_young_store_has(tmp_path: Path) -> None:
    layout = StoreLayout(str(tmp_path / "young")).collection()
    FILES.make_dirs(layout.index)
    await (await LocalLog.open(FILES, layout.log)).close()
    assert verified(tmp_path / "young").findings == []
