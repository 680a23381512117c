"""Tags: named states whose segments stay, through merges, restarts and the index's own end."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest
from anyio import to_thread

from asteroid_cloud.indexer import EngineOptions, Reindex
from asteroid_cloud.indexer.check.verify import Verification
from asteroid_cloud.indexer.history.tags import UNREADABLE, checked_name, read_tag
from asteroid_cloud.indexer.limits import TAGS_MAX
from asteroid_cloud.indexer.segment.paths import SEGMENT_FILE
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound
from tests.support.engines import SMALL, opened, u64, vectors

pytestmark = pytest.mark.anyio


def segments(store: Path) -> set[int]:
    """The numbers of the segments on the disk."""
    matches = (SEGMENT_FILE.fullmatch(path.name) for path in (store / "index").iterdir())
    return {int(match[1]) for match in matches if match}


def needed(store: Path, name: str) -> set[int]:
    """The numbers of those that a tag needs."""
    return {
        entry.number
        for entry in read_tag(LocalFiles(), StoreLayout(str(store)).collection(), name).decoded().segments
    }


async def test_what_a_tag_needs_stays_until_it_is_gone(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(np.arange(100, dtype=np.uint64), vectors(100, 4), None)
        await engine.delete(u64(3))
        made = await engine.tag("before")
        assert (made.name, made.lsn, made.vectors) == ("before", 3, 99)
        assert made.bytes > 0
        kept = needed(tmp_path, "before")
        await engine.upsert(np.arange(100, dtype=np.uint64), vectors(100, 4, 1), None)
        await engine.flush()
        await engine.delete_index()
        await engine.flush()
        assert segments(tmp_path) == kept
    async with opened(tmp_path) as engine:
        assert segments(tmp_path) == kept
        assert [tag.name for tag in await engine.tags()] == ["before"]
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.flush()
        assert segments(tmp_path) > kept
        await engine.untag("before")
        assert not segments(tmp_path) & kept
        assert await engine.tags() == []
    assert Verification(LocalFiles(), str(tmp_path)).run().ok


async def test_what_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        with pytest.raises(Conflict, match="no index"):
            await engine.tag("early")
        await engine.create_index(4, "l2")
        await engine.tag("one")
        with pytest.raises(Conflict) as twice:
            await engine.tag("one")
        assert twice.value.code == "tag_exists"
        with pytest.raises(NotFound) as absent:
            await engine.untag("two")
        assert absent.value.code == "no_tag"
        for number in range(TAGS_MAX - 1):
            await engine.tag(f"t{number}")
        with pytest.raises(Conflict) as full:
            await engine.tag("more")
        assert full.value.code == "too_many_tags"


@pytest.mark.parametrize("name", ["", ".", "a.new", "../x", "a/b", "-x", "x" * 65, "é", 7, None, "a\n"])
def test_a_name_stays_within_the_folder(name: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_name(name)
    assert refused.value.code == "bad_tag_name"


async def test_tags_made_at_once_are_all_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")

        async def write_and_tag(number: int) -> None:
            written = await engine.upsert(u64(number), vectors(1, 4), None)
            assert (await engine.tag(f"t{number}")).lsn >= written.lsn

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(write_and_tag, number)
        assert len(await engine.tags()) == 10
    found = Verification(LocalFiles(), str(tmp_path)).run()
    assert (found.ok, found.notes) == (True, [])


async def test_a_tag_that_does_not_read_is_found_and_nothing_is_removed_meanwhile(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.tag("hurt")
    kept = needed(tmp_path, "hurt")
    path = tmp_path / "tags" / "hurt"
    data = bytearray(path.read_bytes())
    for place in range(len(data)):
        data[place] ^= 1
        path.write_bytes(bytes(data))
        with pytest.raises(UNREADABLE):
            read_tag(LocalFiles(), StoreLayout(str(tmp_path)).collection(), "hurt")
        data[place] ^= 1
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    async with opened(tmp_path) as engine:
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.flush()
        await engine.delete_index()
        await engine.flush()
        assert kept <= segments(tmp_path)
        assert await engine.tags() == []
    assert any(
        "tags/hurt" in finding.place for finding in Verification(LocalFiles(), str(tmp_path)).run().findings
    )


async def test_a_lost_segment_of_a_tag_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(1, 2), vectors(2, 4), None)
        await engine.tag("old")
        await engine.delete_index()
        await engine.flush()
    (number,) = needed(tmp_path, "old")
    assert Verification(LocalFiles(), str(tmp_path)).run().ok
    (tmp_path / "index" / f"segment-{number:012d}.graph").unlink()
    assert not Verification(LocalFiles(), str(tmp_path)).run().ok


async def test_tags_outlive_a_rebuilt_index(tmp_path: Path) -> None:
    options = EngineOptions(keep_log=True, seal_rows=64)
    async with opened(tmp_path, options) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(np.arange(100, dtype=np.uint64), vectors(100, 4), None)
        await engine.tag("here")
        await engine.upsert(u64(1), vectors(1, 4), None)
        await engine.flush()
    replay = Reindex(LocalFiles(), str(tmp_path), SMALL)
    report, _ = await to_thread.run_sync(replay.apply, lambda done, total: None)
    assert report.agrees
    assert needed(tmp_path, "here") <= segments(tmp_path)
    found = Verification(LocalFiles(), str(tmp_path)).run()
    assert (found.ok, found.notes) == (True, [])
    async with opened(tmp_path, options) as engine:
        assert [tag.vectors for tag in await engine.tags()] == [100]
