"""Sealing under pressure: several memtables at once, and never more segments than the bound."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.maintenance import merger
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal.errors import NoSpace
from tests.support.engines import contents, opened, vectors
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

DIM = 8
OPTIONS = EngineOptions(seal_rows=64, segments_max=2, idle_seal_s=600, idle_flush_s=600, links_max=4)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The segments that there were after each exchange, in order."""
    seen: list[int] = []
    exchange = State.exchange

    def noted(self: State, *arguments: object) -> None:
        exchange(self, *arguments)  # type: ignore[arg-type]
        seen.append(len(self.segments))

    monkeypatch.setattr(State, "exchange", noted)
    return seen


@pytest.fixture
def idle_merger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merger that finds nothing to do, as if it had no processor to itself."""
    monkeypatch.setattr(merger, "pick_merge", lambda *_: [])


async def load(engine: Engine, rows: int, step: int = 16) -> None:
    for first in range(0, rows, step):
        ids = np.arange(first, min(first + step, rows), dtype=np.uint64)
        texts = [b'{"id":%d}' % id_ for id_ in ids.tolist()]
        await engine.upsert(ids, vectors(len(ids), DIM, first), texts)


@pytest.mark.usefixtures("idle_merger")
async def test_sealing_takes_segments_along_rather_than_leaving_too_many(
    tmp_path: Path, counts: list[int]
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        await load(engine, 2000)
        await engine.delete(np.arange(0, 2000, 3, dtype=np.uint64))
        await engine.flush()
        assert max(counts) == OPTIONS.segments_bound == 4
        alive = {id_ for id_ in range(2000) if id_ % 3}
        found = contents(engine)
        assert {id_: payload for id_, (_, payload) in found.items()} == {id_: {"id": id_} for id_ in alive}
    async with opened(tmp_path, OPTIONS) as engine:
        assert contents(engine) == found


@pytest.mark.usefixtures("idle_merger")
async def test_what_is_deleted_while_a_segment_is_taken_along_stays_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        builder, began, go_on = inside(engine).builder, threading.Event(), threading.Event()
        seal = builder.seal

        def held(number: int, spec: object, sources: Sequence[object], is_wanted: object) -> object:
            if len(sources) > 1 and not began.is_set():
                began.set()
                assert go_on.wait(20)
            return seal(number, spec, sources, is_wanted)  # type: ignore[arg-type]

        monkeypatch.setattr(builder, "seal", held)
        async with anyio.create_task_group() as group:
            group.start_soon(load, engine, 600)
            assert await anyio.to_thread.run_sync(began.wait, 20)
            gone = np.arange(0, 200, dtype=np.uint64)
            await engine.delete(gone)
            go_on.set()
        await engine.flush()
        assert set(contents(engine)) == set(range(200, 600))


@pytest.mark.usefixtures("idle_merger")
async def test_sealing_waits_while_the_merger_works_on_every_segment(tmp_path: Path) -> None:
    async with opened(tmp_path, msgspec.structs.replace(OPTIONS, segments_max=1)) as engine:
        await engine.create_index(DIM, "l2")
        parts = inside(engine)
        await load(engine, 100)
        await engine.flush()
        async with anyio.create_task_group() as group:
            with parts.claims.hold(parts.state.segments):
                await load(engine, 200)
                group.start_soon(engine.flush)
                await anyio.wait_all_tasks_blocked()
                assert parts.state.tail_rows == 200
        assert parts.state.tail_rows == 0
        assert set(contents(engine)) == set(range(200))


async def test_memtables_that_wait_are_sealed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        parts = inside(engine)
        sealed: list[int] = []
        seal = parts.builder.seal

        def noted(number: int, spec: object, sources: Sequence[object], is_wanted: object) -> object:
            sealed.append(len(sources))
            return seal(number, spec, sources, is_wanted)  # type: ignore[arg-type]

        monkeypatch.setattr(parts.builder, "seal", noted)
        async with parts.checkpointer.writing:  # the first segment cannot be put in before the others wait
            await load(engine, 4 * 64)
        await engine.flush()
        assert max(sealed) == OPTIONS.memtables_per_seal == 2
        assert set(contents(engine)) == set(range(256))


async def test_a_flush_is_not_told_of_a_try_that_began_before_there_was_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, OPTIONS) as engine:
        await engine.create_index(DIM, "l2")
        await load(engine, 16)
        sealer, refused = inside(engine).sealer, list[NoSpace]()
        is_building, may_fail, build = threading.Event(), threading.Event(), type(sealer)._build

        def without_room(*_: object) -> None:
            monkeypatch.setattr(type(sealer), "_build", build)
            is_building.set()
            assert may_fail.wait(20)
            raise NoSpace("no room")

        async def flush_in_vain() -> None:
            with pytest.raises(NoSpace) as caught:
                await engine.flush()
            refused.append(caught.value)

        monkeypatch.setattr(type(sealer), "_build", without_room)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flush_in_vain)
            assert await anyio.to_thread.run_sync(is_building.wait, 20)
            tasks.start_soon(engine.flush)
            await anyio.wait_all_tasks_blocked()
            may_fail.set()
        assert len(refused) == 1
