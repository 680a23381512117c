"""Random histories with power cuts, compared with a dictionary. Hypothesis shrinks a failing one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS
from asteroid_cloud.indexer.model.merge_patch import merge_payload
from asteroid_cloud.wal.errors import AsteroidError, NotFound
from tests.promises.power import planted
from tests.promises.power.check import ROOT, contents_of, repeatable
from tests.promises.power.images import Images
from tests.promises.power.recording import RecordingFiles
from tests.promises.power.script import OPTIONS
from tests.promises.power.stored import DIM, Stored
from tests.support.engines import find, vectors
from tests.support.names import NASTY
from tests.support.seeded_loop import SeededLoop, threads_in_place

IDS = st.integers(0, 30)
NAMES = NASTY[:31]
"""Ids that are strings, by these numbers."""
Do = Callable[[Engine], Awaitable[Any]]


class Histories(RuleBasedStateMachine):
    """An engine, kept open by a task of its own, and what it should hold."""

    kind = "integer"

    def key(self, number: int) -> Any:
        """The id that a number stands for."""
        return number if self.kind == "integer" else NAMES[number]

    def keys(self, numbers: list[int]) -> Any:
        """The same of many, as the engine takes them."""
        kind = INTEGER_IDS if self.kind == "integer" else STRING_IDS
        return kind.of([self.key(number) for number in numbers])

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self._drawn = 0
        self._in_place, self._repeatable = threads_in_place(), repeatable(0)
        self._in_place.__enter__()
        self._repeatable.__enter__()
        self._loop = SeededLoop(0)
        self._calls: asyncio.Queue[tuple[Do, asyncio.Future[Any]] | None] = asyncio.Queue()
        self.stored = Stored({})

    @initialize()
    def create(self) -> None:
        """A new store."""
        self._begin(RecordingFiles())
        self._do(lambda engine: engine.create_index(DIM, "l2", ids=self.kind))

    @rule(
        ids=st.lists(IDS, min_size=1, max_size=20, unique=True), text=st.sampled_from([None, b"", b'{"v":1}'])
    )
    def upsert(self, ids: list[int], text: bytes | None) -> None:
        """Rows put in or replaced, payloads given, cleared or kept."""
        self._drawn += 1
        drawn, old = vectors(len(ids), DIM, self._drawn), self.stored.rows or {}
        self._do(lambda engine: engine.upsert(self.keys(ids), drawn, [text] * len(ids)))
        names = [self.key(id_) for id_ in ids]
        kept = [old.get(id_, (b"", b""))[1] if text is None else text for id_ in names]
        rows = {id_: (row.tobytes(), payload) for id_, row, payload in zip(names, drawn, kept, strict=True)}
        self.stored = self.stored.with_rows({**rows})

    @rule(ids=st.lists(IDS, min_size=1, max_size=8, unique=True))
    def delete(self, ids: list[int]) -> None:
        """Rows deleted, absent ones too."""
        names = [self.key(id_) for id_ in ids]
        there = len(set(names) & set(self.stored.rows or {}))
        assert self._do(lambda engine: engine.delete(self.keys(ids))).affected == there
        self.stored = self.stored.with_rows(dict.fromkeys(names))

    @rule(number=IDS, patch=st.sampled_from([b'{"a":1}', b'{"v":null}', b'{"b":{"c":2}}']))
    def merge(self, number: int, patch: bytes) -> None:
        """A payload patched."""
        id_ = self.key(number)
        try:
            self._do(lambda engine: engine.merge_payload(id_, patch))
        except NotFound:
            assert id_ not in (self.stored.rows or {})
        self.stored = self.stored.with_payload(id_, lambda old: merge_payload(old, patch))

    @rule()
    def flush(self) -> None:
        """Everything sealed."""
        self._do(lambda engine: engine.flush())

    @rule()
    def create_anew(self) -> None:
        """The index deleted, and an empty one made."""
        self._do(lambda engine: engine.delete_index())
        self._do(lambda engine: engine.create_index(DIM, "l2", ids=self.kind))
        self.stored = Stored({})

    @rule(seed=st.integers(0, 2**16))
    def cut_the_power(self, seed: int) -> None:
        """The store goes on from what a disk may have kept."""
        images = Images(self._files.ops, self._files.begun_with, seed, 1)
        *_, (_, key) = images.last()
        image = images.image(key)
        self._end()
        self._begin(RecordingFiles(image))

    @rule()
    def close_and_open(self) -> None:
        """A start after an orderly end."""
        self._end()
        self._begin(RecordingFiles(self._files.image()))

    @invariant()
    def is_as_acknowledged(self) -> None:
        """Both sides are equal, and a search for all finds all."""
        if not hasattr(self, "_files"):
            return

        async def look(engine: Engine) -> tuple[object, int]:
            found = find(engine, vectors(1, DIM), 100).found
            return contents_of(engine), int(found[0])

        contents, found = self._do(look)
        assert contents == self.stored.contents()
        assert found == len(self.stored.rows or {})

    def teardown(self) -> None:
        """Ends the engine and its loop."""
        try:
            self._end()
        finally:
            self._loop.close()
            self._repeatable.__exit__(None, None, None)
            self._in_place.__exit__(None, None, None)
            logging.disable(logging.NOTSET)

    def _begin(self, files: RecordingFiles) -> None:
        self._files = files
        self._task = self._loop.create_task(self._live())

    def _end(self) -> None:
        self._calls.put_nowait(None)
        self._loop.run_until_complete(self._task)

    def _do(self, do: Do) -> Any:
        done: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put_nowait((do, done))
        return self._loop.run_until_complete(done)

    async def _live(self) -> None:
        async with Engine.open(ROOT, OPTIONS, files=self._files) as engine:
            await engine.ready()
            while (call := await self._calls.get()) is not None:
                do, done = call
                try:
                    done.set_result(await do(engine))
                except AsteroidError as error:
                    done.set_exception(error)


class HistoriesOfStrings(Histories):
    """The same with strings for ids."""

    kind = "string"


TestHistories = pytest.mark.slow_first(Histories.TestCase)
TestHistories.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, database=None
)


TestHistoriesOfStrings = pytest.mark.slow_first(HistoriesOfStrings.TestCase)
TestHistoriesOfStrings.settings = settings(
    max_examples=75, stateful_step_count=40, deadline=None, derandomize=True, database=None
)


@pytest.mark.slow_first
@pytest.mark.parametrize("plant", [planted.skip_sync, planted.lose_the_last_frame])
def test_a_planted_bug_is_found(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    short = settings(
        max_examples=60,
        stateful_step_count=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        with pytest.raises((AssertionError, AsteroidError)):
            run_state_machine_as_test(Histories, settings=short)
