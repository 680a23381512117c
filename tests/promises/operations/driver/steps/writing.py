"""Steps that change the rows of a store that is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import Condition, Engine
from tests.promises.operations.driver.model import Store, World
from tests.promises.operations.driver.steps.serving import Served
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, must
from tests.promises.power.script import DIM, Rows, Stored
from tests.support.engines import u64, vectors


@dataclass(frozen=True)
class Write(Served):
    """Puts rows in, or replaces them; the first write makes the index."""

    ids: tuple[int, ...]
    draw: int

    @property
    def rows(self) -> Rows:
        """What is written; no two draws are alike."""
        drawn, text = vectors(len(self.ids), DIM, self.draw), b'{"draw":%d}' % self.draw
        return {id_: (row.tobytes(), text) for id_, row in zip(self.ids, drawn, strict=True)}

    async def call(self, engine: Engine) -> int:
        if engine.spec is None:
            await engine.create_index(DIM, "l2")
        text = b'{"draw":%d}' % self.draw
        drawn = vectors(len(self.ids), DIM, self.draw)
        return (await engine.upsert(u64(*self.ids), drawn, [text] * len(self.ids))).lsn

    def apply_to(self, store: Store, world: World) -> None:
        if store.now.rows is None:
            store.add(Stored({}), world.now_ms)
        store.add(store.now.with_rows({**self.rows}), world.now_ms)

    def check_in(self, store: Store, result: Any) -> None:
        must(result == store.lsn, f"the write got LSN {result}, not {store.lsn}")

    def after_a_kill(self, world: World) -> list[World]:
        worlds = super().after_a_kill(world)
        if world.served and world.open_store().now.rows is None:
            made = world.copy()
            made.open_store().add(Stored({}), world.now_ms)
            worlds.insert(1, made)
        return worlds


@dataclass(frozen=True)
class WriteIf(Write):
    """Writes an id on condition that it did not change since a position."""

    since: int = 0

    def answers_of(self, store: Store) -> Codes:
        if store.now.rows is None:
            return frozenset({"index_not_initialized"})
        if self.since > store.lsn:
            return frozenset({"bad_if_match"})
        if self.since not in store.states:
            return frozenset({"other_history"})
        failed = frozenset({"precondition_failed"})  # also when it is not known any more what changed when
        return failed if store.changed_last(self.ids[0]) > self.since else failed | {DONE}

    async def call(self, engine: Engine) -> int:
        text = b'{"draw":%d}' % self.draw
        condition = Condition(since=self.since)
        drawn = vectors(len(self.ids), DIM, self.draw)
        return (await engine.upsert(u64(*self.ids), drawn, [text] * len(self.ids), condition=condition)).lsn


@dataclass(frozen=True)
class Delete(Served):
    """Deletes ids, absent ones too."""

    ids: tuple[int, ...]

    def answers_of(self, store: Store) -> Codes:
        return frozenset({"index_not_initialized"}) if store.now.rows is None else JUST_DONE

    async def call(self, engine: Engine) -> int:
        return (await engine.delete(u64(*self.ids))).lsn

    def apply_to(self, store: Store, world: World) -> None:
        if set(self.ids) & set(store.now.rows or {}):
            store.add(store.now.with_rows(dict.fromkeys(self.ids)), world.now_ms)

    def check_in(self, store: Store, result: Any) -> None:
        must(result == store.lsn, f"the deletion got LSN {result}, not {store.lsn}")


@dataclass(frozen=True)
class Flush(Served):
    """Seals everything, and trims the log as far as it may be."""

    async def call(self, engine: Engine) -> None:
        await engine.flush()
