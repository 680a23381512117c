"""Builds use all their threads while nobody searches, and one while somebody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.model import snapshot
from asteroid_cloud.indexer.model.options import build_threads_default
from asteroid_cloud.indexer.model.snapshot import SEARCHES
from asteroid_cloud.wal import LocalFiles
from tests.support.engines import budget_of, find, opened, u64, vectors


@pytest.mark.anyio
async def test_a_search_leaves_builds_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SEARCHES, "_last_s", float("-inf"))
    options = EngineOptions(build_threads=3)
    builder = SegmentBuilder(LocalFiles(), str(tmp_path), bytes(16), options, budget_of(options))
    async with opened(tmp_path) as engine:
        await engine.create_index(2, "l2")
        await engine.upsert(u64(1), vectors(1, 2), None)
        assert builder.threads == 3
        monkeypatch.setattr(snapshot, "SEARCHING_S", 3600.0)
        find(engine, vectors(1, 2)[0], 1)
        assert builder.threads == 1
        monkeypatch.setattr(snapshot, "SEARCHING_S", 0.0)
        assert builder.threads == 3


def test_two_threads_build_where_there_are_two_processors() -> None:
    assert EngineOptions().build_threads == build_threads_default() in (1, 2)
