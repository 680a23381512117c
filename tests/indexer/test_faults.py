"""A disk that fails: at every operation in turn, nothing acknowledged is lost and nothing is half there."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.maintenance import sealer
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import AsteroidError, NoSpace
from tests.support.engines import contents, opened, u64, vectors
from tests.support.faulty_files import Fault, FaultyFiles
from tests.support.probe import inside

pytestmark = pytest.mark.anyio

DIM, BATCH, BATCHES = 4, 12, 3
BY_HAND = EngineOptions(seal_rows=10_000, idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4)
MERGING = EngineOptions(
    seal_rows=BATCH, segments_max=2, idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4
)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "NO_SPACE_RETRY_S", 0.002)


class Script:
    """Writes, deletes and checkpoints on a disk that may fail; remembers what was acknowledged."""

    def __init__(self) -> None:
        self.sure: dict[int, bool] = {}
        """For each batch whether its ids exist; a batch whose last call failed is not in here."""

    async def run(self, engine: Engine) -> None:
        """Goes on after each failure, as the callers of a server do."""
        await self._call(None, engine.create_index(DIM, "l2"))
        for batch in range(BATCHES):
            ids = u64(*range(batch * BATCH, (batch + 1) * BATCH))
            texts: list[bytes | None] = [b'{"batch":%d}' % batch] * BATCH
            await self._call((batch, True), self._upsert(engine, ids.tolist(), batch, texts))
            if batch == 1:
                await self._call((0, False), self._delete(engine))
            if batch:
                await self._flush(engine)

    async def _upsert(self, engine: Engine, ids: list[int], batch: int, texts: list[bytes | None]) -> None:
        await engine.upsert(u64(*ids), vectors(len(ids), DIM, batch), texts)

    async def _delete(self, engine: Engine) -> None:
        await engine.delete(u64(*range(BATCH)))

    async def _flush(self, engine: Engine) -> None:
        try:
            await engine.flush()
        except AsteroidError:
            return

    async def _call(self, effect: tuple[int, bool] | None, call: object) -> None:
        try:
            await call  # type: ignore[misc]
        except AsteroidError:
            if effect:
                self.sure.pop(effect[0], None)
        else:
            if effect:
                self.sure[effect[0]] = effect[1]

    def check(self, engine: Engine) -> None:
        """What was acknowledged holds; every batch is there whole or not at all."""
        if engine.spec is None:
            assert not any(self.sure.values())
            return
        stored = contents(engine)
        for batch in range(BATCHES):
            ids = range(batch * BATCH, (batch + 1) * BATCH)
            there = [id_ in stored for id_ in ids]
            assert all(there) or not any(there), f"batch {batch} is half there"
            if batch in self.sure:
                assert there[0] == self.sure[batch], f"batch {batch}"
            if there[0]:
                assert all(stored[id_][1] == {"batch": batch} for id_ in ids)


@pytest.mark.slow_first
@pytest.mark.parametrize(
    ("fault", "kinds"),
    [(Fault.SHORT_NO_SPACE, ["create", "write"]), (Fault.IO_ERROR, [])],
    ids=["full", "broken"],
)
async def test_each_operation_failing_once(tmp_path: Path, fault: Fault, kinds: list[str]) -> None:
    number = 0
    while True:
        number += 1
        path, files, script = tmp_path / str(number), FaultyFiles(LocalFiles()), Script()
        with anyio.fail_after(20):
            async with Engine.open(str(path), MERGING, files=files) as engine:
                await engine.ready()
                files.arm(number, fault, *kinds)
                await script.run(engine)
                files.disarm()
                if engine.spec is not None:
                    script.check(engine)
                if fault is not Fault.IO_ERROR and engine.failure is None:
                    await engine.flush()  # once there is room again it goes on by itself
            async with opened(path, MERGING) as engine:
                script.check(engine)
        if not files.failed:
            break
    assert number > 20, "the script reached the disk that many times"


async def test_a_full_disk_is_not_filled_with_what_could_not_be_finished(tmp_path: Path) -> None:
    files = FaultyFiles(LocalFiles())
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(Engine.open(str(tmp_path), BY_HAND, files=files))
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await engine.upsert(u64(1, 2, 3), vectors(3, DIM), None)
        files.arm(1, Fault.SHORT_NO_SPACE, "write", for_ever=True, path_contains=".payload")
        with pytest.raises(NoSpace):
            await engine.flush()
        with anyio.fail_after(20):
            while files.failed < 5:
                await anyio.sleep(0.001)
        left = [path for path in (tmp_path / "index").iterdir() if path.name.startswith("segment-")]
        assert len(left) <= 2, "at most those of the try under way"
        assert (await engine.upsert(u64(4), vectors(1, DIM), None)).affected == 1
        files.disarm()
    async with opened(tmp_path) as engine:
        assert sorted(contents(engine)) == [1, 2, 3, 4]


async def test_a_merge_ends_well_though_the_checkpoint_before_it_failed(tmp_path: Path) -> None:
    """The merge must not write a manifest that is older than a segment in it."""
    files = FaultyFiles(LocalFiles())
    async with Engine.open(str(tmp_path), BY_HAND, files=files) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await engine.upsert(u64(1, 2), vectors(2, DIM), None)
        await engine.flush()
        parts = inside(engine)
        base = parts.checkpointer.lsn
        await engine.upsert(u64(3, 2), vectors(2, DIM, 1), None)
        files.arm(1, Fault.NO_SPACE, "create", for_ever=True, path_contains="manifest")
        parts.sealer.ask()
        with anyio.fail_after(20):
            while not files.failed:
                await anyio.sleep(0.001)
        assert (parts.checkpointer.lsn, engine.stats().segments) == (base, 2)
        files.disarm()
        assert await parts.checkpointer.swap([], None, parts.state.generation, base, None)
        assert engine.failure is None
        before = contents(engine)
    async with opened(tmp_path) as engine:
        assert contents(engine) == before
        assert sorted(before) == [1, 2, 3]


async def test_a_flush_ends_though_the_log_behind_it_could_not_be_trimmed(tmp_path: Path) -> None:
    files = FaultyFiles(LocalFiles())
    async with Engine.open(str(tmp_path), BY_HAND, files=files) as engine:
        await engine.ready()
        await engine.create_index(DIM, "l2")
        await engine.upsert(u64(1), vectors(1, DIM), None)
        files.arm(1, Fault.NO_SPACE, "create", for_ever=True, path_contains="wal/")
        with anyio.fail_after(20):
            await engine.flush()
        assert files.failed
        files.disarm()
        assert engine.failure is None
    async with opened(tmp_path) as engine:
        assert list(contents(engine)) == [1]
