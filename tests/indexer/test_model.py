"""Random histories against a dictionary, with crashes: what the engine holds is what was acknowledged.

A crash is a copy of the data directory taken while the engine works, opened in its place: nothing that
lives in memory only can help. A failing seed replays alone: ``pytest tests/indexer/test_model.py -k seed5``.
"""

from __future__ import annotations

import random
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS, Id
from asteroid_cloud.indexer.model.merge_patch import Json, apply_patch
from tests.support.engines import contents, find, opened, vectors
from tests.support.names import NASTY

pytestmark = pytest.mark.anyio

DIM = 6
IDS = 120
STEPS = 120
POOL = [*NASTY, *(f"{number}é" for number in range(IDS - len(NASTY)))]
"""As many ids that are strings."""
OPTIONS = EngineOptions(
    seal_rows=32, segments_max=2, idle_seal_s=0.005, idle_flush_s=0.01, ef_construction=20, links_max=4
)


class Model:
    """What should be stored, and a driver that changes both sides alike."""

    def __init__(self, seed: int, ids: str) -> None:
        self.random = random.Random(seed)
        self.kind = STRING_IDS if ids == "string" else INTEGER_IDS
        self.pool: list[Id] = [*POOL] if ids == "string" else [*range(IDS)]
        self.rows: dict[Id, tuple[np.ndarray, Json]] = {}
        self._vector_seed = seed * 10_000

    async def step(self, engine: Engine) -> None:
        """One random change."""
        action = self.random.choices(
            [self.upsert, self.delete, self.replace, self.merge, self.flush], [6, 2, 2, 2, 1]
        )[0]
        await action(engine)

    async def upsert(self, engine: Engine) -> None:
        """A batch, ids twice now and then, with payloads given, cleared and kept."""
        ids = [self.random.choice(self.pool) for _ in range(self.random.randint(1, 25))]
        self._vector_seed += 1
        drawn = vectors(len(ids), DIM, self._vector_seed)
        payloads: list[bytes | None] = []
        for id_, vector in zip(ids, drawn, strict=True):
            payload = self.random.choice([None, b"", b'{"v":%d}' % self._vector_seed])
            payloads.append(payload)
            old = self.rows[id_][1] if id_ in self.rows else None
            self.rows[id_] = (vector, old if payload is None else msgspec.json.decode(payload or b"null"))
        result = await engine.upsert(self.kind.of(ids), drawn, payloads)
        assert result.affected == len(ids)

    async def delete(self, engine: Engine) -> None:
        """Some ids, absent ones among them."""
        ids = [self.random.choice(self.pool) for _ in range(self.random.randint(1, 15))]
        gone = {id_ for id_ in ids if self.rows.pop(id_, None)}
        assert (await engine.delete(self.kind.of(ids))).affected == len(gone)

    async def replace(self, engine: Engine) -> None:
        """A payload set."""
        if self.rows:
            id_ = self.random.choice(list(self.rows))
            await engine.replace_payload(id_, b'{"set":{"deep":[1,2]}}')
            self.rows[id_] = (self.rows[id_][0], {"set": {"deep": [1, 2]}})

    async def merge(self, engine: Engine) -> None:
        """A payload patched."""
        if self.rows:
            id_ = self.random.choice(list(self.rows))
            patch: Json = {"m": self.random.randrange(9), "v": None, "set": {"deep": None}}
            await engine.merge_payload(id_, msgspec.json.encode(patch))
            vector, old = self.rows[id_]
            self.rows[id_] = (vector, apply_patch(old or {}, patch) or None)

    async def flush(self, engine: Engine) -> None:
        """Everything sealed."""
        await engine.flush()

    def check(self, engine: Engine) -> None:
        """Both sides are equal, and every row finds itself."""
        stored = contents(engine)
        assert {id_: payload for id_, (_, payload) in stored.items()} == {
            id_: payload for id_, (_, payload) in self.rows.items()
        }
        for id_, (vector, _) in self.rows.items():
            assert np.abs(np.array(stored[id_][0]) - vector).max() < 0.01
        assert engine.stats().vectors == len(self.rows)
        if self.rows:
            ids = list(self.rows)
            queries = np.array([self.rows[id_][0] for id_ in ids], np.float32)
            assert find(engine, queries, 1).ids[:, 0].tolist() == ids
            assert find(engine, queries[:1], IDS).found.tolist() == [len(ids)]


def crash_image(source: Path, target: Path) -> None:
    """A copy as a crash would leave it: the log first, for checkpoints go on while the copy is made."""
    for _ in range(20):
        shutil.rmtree(target, ignore_errors=True)
        try:
            shutil.copytree(source / "wal", target / "wal")
            shutil.copytree(source / "index", target / "index")
        except (shutil.Error, FileNotFoundError):
            continue  # a file was removed between listing and copying
        return
    raise AssertionError("no copy could be made")


@pytest.mark.parametrize("seed", range(8), ids=lambda seed: f"seed{seed}")
@pytest.mark.parametrize("ids", ["integer", "string"])
async def test_histories_with_crashes(tmp_path: Path, seed: int, ids: str) -> None:
    model, number = Model(seed, ids), 0
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(opened(tmp_path / "0", OPTIONS))
        await engine.create_index(DIM, "l2", ids=ids)
        for step in range(STEPS):
            await model.step(engine)
            if step % 15 == 7:
                model.check(engine)
            if model.random.random() < 0.06:
                crash_image(tmp_path / str(number), tmp_path / str(number + 1))
                number += 1
                engine = await stack.enter_async_context(opened(tmp_path / str(number), OPTIONS))
                model.check(engine)
        model.check(engine)
