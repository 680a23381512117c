"""What recovery says of itself is what was on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.indexer import EngineOptions
from tests.support.engines import opened, u64, vectors

pytestmark = pytest.mark.anyio

OPTIONS = EngineOptions(idle_seal_s=600, idle_flush_s=600, links_max=4, ef_construction=20)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Ten rows in a segment up to record 2, and two records behind it."""
    path = tmp_path / "store"
    async with opened(path, OPTIONS) as engine:
        await engine.create_index(4, "l2")
        await engine.upsert(u64(*range(10)), vectors(10, 4), None)
        await engine.flush()
        await engine.upsert(u64(3), vectors(1, 4), None)
        await engine.delete(u64(4))
    return path


def newest_log(store: Path) -> Path:
    return sorted((store / "wal").glob("*.wal"))[-1]


async def test_a_new_store_had_nothing_to_recover(tmp_path: Path) -> None:
    async with opened(tmp_path / "new", OPTIONS) as engine:
        told = engine.recovery
    assert (told.checkpoint_lsn, told.durable_lsn, told.records_replayed, told.segments) == (0, 0, 0, 0)
    assert (told.bytes_cut, told.cut_from, told.kept_as) == (0, None, None)


async def test_a_clean_end_is_reported_by_its_records(store: Path) -> None:
    async with opened(store, OPTIONS) as engine:
        told = engine.recovery
    assert (told.segments, told.segment_rows) == (1, 10)
    assert (told.checkpoint_lsn, told.durable_lsn, told.records_replayed) == (2, 4, 2)
    assert (told.bytes_cut, told.cut_reason) == (0, None)
    assert told.checking_s > 0
    assert told.replaying_s > 0


async def test_a_torn_tail_is_reported_with_its_place_its_reason_and_the_copy(store: Path) -> None:
    log = newest_log(store)
    whole = log.read_bytes()
    log.write_bytes(whole + b"torn in the middle")
    async with opened(store, OPTIONS) as engine:
        told = engine.recovery
    assert (told.bytes_cut, told.cut_from, told.cut_offset) == (18, log.name, len(whole))
    assert told.cut_reason
    assert told.kept_as is not None
    assert (log.parent / told.kept_as).read_bytes() == b"torn in the middle"
    assert (told.durable_lsn, told.records_replayed) == (4, 2)


async def test_a_lost_end_of_a_frame_loses_its_record_and_says_so(store: Path) -> None:
    log = newest_log(store)
    log.write_bytes(log.read_bytes()[:-1])
    async with opened(store, OPTIONS) as engine:
        told = engine.recovery
    assert (told.durable_lsn, told.records_replayed) == (3, 1)
    assert told.bytes_cut > 0
