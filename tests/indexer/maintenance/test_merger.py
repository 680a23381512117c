"""What the merger does beside merging, and what it tells those who write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.build.construction import Work
from asteroid_cloud.indexer.build.source import Source
from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.errors import NoSpace
from tests.support.engines import contents, opened, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

DIM = 8
OPTIONS = EngineOptions(seal_rows=64, segments_max=2, idle_seal_s=600, idle_flush_s=600, links_max=4)


async def add_segment(engine: Engine, number: int) -> None:
    ids = np.arange(100 * number, 100 * number + 40, dtype=np.uint64)
    await engine.upsert(ids, vectors(40, DIM, number), [b'{"n":%d}' % id_ for id_ in ids.tolist()])
    await engine.flush()


async def until_none_is_of_0_1(engine: Engine) -> None:
    with anyio.fail_after(20):
        while engine.stats().segments_of_0_1:
            await inside(engine).checkpointer.changed.wait()


async def test_segments_of_0_1_are_built_again_one_at_a_time_once_nothing_else_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        for number in range(2):
            await add_segment(engine, number)
        parts, taken = inside(engine), []
        merge = parts.builder.merge

        def noted(number: int, spec: object, sources: Sequence[Source], is_wanted: object) -> object:
            taken.append([len(source.ordinals) for source in sources])
            return merge(number, spec, sources, is_wanted)  # type: ignore[arg-type]

        monkeypatch.setattr(parts.builder, "merge", noted)
        before = contents(engine)
        for segment in parts.state.segments:
            segment.is_of_0_1, segment.joins = True, 3
        assert engine.stats().segments_of_0_1 == 2
        busy = Work("bulk", 1, 1, 1, core.Progress(lambda: True))
        with parts.builder.construction.queued(busy, lambda: None):
            await engine.delete(np.array([3], np.uint64))
            await engine.flush()
            await anyio.wait_all_tasks_blocked()
            assert engine.stats().segments_of_0_1 == 2
        await engine.delete(np.array([103], np.uint64))
        await engine.flush()
        await until_none_is_of_0_1(engine)
        assert taken == [[39], [39]]
        assert [segment.joins for segment in parts.state.segments] == [0, 0], (
            "graphs built from the rows alone"
        )
        assert contents(engine) == {id_: row for id_, row in before.items() if id_ not in (3, 103)}


async def test_segments_pile_up_from_the_bound_on_but_not_while_merging_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        parts = inside(engine)
        told: list[float] = []
        monkeypatch.setattr(type(parts.state), "queued", 3)
        monkeypatch.setattr(parts.state, "segments", parts.state.segments)
        for count in (1, 4, 7, 13):
            parts.state.segments[:] = [None] * count  # type: ignore[list-item]
            told.append(parts.merger.pileup)
        parts.state.segments[:] = []
        assert told == [0, 0.5, 1, 2]


async def test_a_merge_without_room_on_the_disk_does_not_make_writers_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        parts = inside(engine)

        def fail(*_: object) -> None:
            raise NoSpace("no room", code="no_space")

        with monkeypatch.context() as patch:
            patch.setattr(parts.builder, "merge", fail)
            for number in range(4):
                await add_segment(engine, number)
            await anyio.wait_all_tasks_blocked()
            assert parts.merger.lacks_room
            patch.setattr(type(parts.state), "queued", 9)
            assert parts.merger.pileup == 0
        await add_segment(engine, 4)
        with anyio.fail_after(20):
            while parts.merger.lacks_room:  # whether merged at last, or sealed together with the new rows
                await anyio.sleep(0.01)
        assert len(contents(engine)) == 5 * 40
