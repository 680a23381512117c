"""Steps that change the rows of a store that is served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asteroid_cloud.indexer import Condition, Engine
from asteroid_cloud.indexer.model.ids import Id
from tests.promises.operations.driver.model import Store, World
from tests.promises.operations.driver.rows import BULK_NAMES, columns, drawn_rows, kind_of
from tests.promises.operations.driver.steps.serving import Served
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, must
from tests.promises.power.stored import DIM, Rows, Stored
from tests.support.engines import keys


@dataclass(frozen=True)
class Logged(Served):
    """A step that logs records one after the other; killed, it leaves the first of them, or all, or none."""

    def records(self, store: Store) -> list[Stored]:
        """What the store holds after each record that it logs."""
        raise NotImplementedError

    def apply_to(self, store: Store, world: World) -> None:
        for after in self.records(store):
            store.add(after, world.now_ms)

    def check_in(self, store: Store, result: Any) -> None:
        must(result == store.lsn, f"it got LSN {result}, not {store.lsn}")

    def after_a_kill(self, world: World) -> list[World]:
        worlds = [world]
        for after in self.records(world.open_store()) if world.served else []:
            worlds.append(worlds[-1].copy())
            worlds[-1].open_store().add(after, world.now_ms)
        return worlds


@dataclass(frozen=True)
class Write(Logged):
    """Puts rows in, or replaces them; the first write makes the index.

    Its ids are what these are: numbers, or strings. Where rows need no ``vector`` every third has none.
    """

    ids: tuple[Id, ...]
    draw: int
    vector: str = "required"
    is_large: bool = False
    """Whether its payloads are large."""

    @property
    def rows(self) -> Rows:
        """What is written; no two draws are alike."""
        return drawn_rows(self.ids, self.draw, self.vector, is_large=self.is_large)

    async def call(self, engine: Engine) -> int:
        if engine.spec is None:
            await engine.create_index(DIM, "l2", ids=kind_of(self.ids), vector=self.vector)
        return (await engine.upsert(**columns(self.rows))).lsn

    def records(self, store: Store) -> list[Stored]:
        made = [Stored({})] if store.now.rows is None else []
        return [*made, store.now.with_rows({**self.rows})]


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
        return (await engine.upsert(**columns(self.rows), condition=Condition(since=self.since))).lsn


@dataclass(frozen=True)
class BulkLoad(Logged):
    """Loads rows into an index that is empty; makes it if there is none. They count all at once."""

    rows: int
    draw: int
    ids: str = "integer"
    vector: str = "required"
    """Of the index that it makes; all rows that it loads have one."""

    @property
    def loaded(self) -> Rows:
        """What is loaded."""
        ids: Sequence[Id] = BULK_NAMES[: self.rows] if self.ids == "string" else range(self.rows)
        return drawn_rows(ids, self.draw)

    def answers_of(self, store: Store) -> Codes:
        return frozenset({"index_not_empty"}) if store.now.rows else JUST_DONE

    async def call(self, engine: Engine) -> int:
        if engine.spec is None:
            await engine.create_index(DIM, "l2", ids=self.ids, vector=self.vector)
        loaded = columns(self.loaded)
        async with engine.bulk() as loader:
            await loader.rows(loaded["vectors"])
            if loader.needs_ids:
                await loader.ids(0, loaded["ids"].tolist())
            await loader.payloads(0, loaded["payloads"])
            return (await loader.commit(1)).lsn

    def records(self, store: Store) -> list[Stored]:
        made = [Stored({})] if store.now.rows is None else []
        staged = [Stored({})] * (3 if self.ids == "string" else 2)  # what is staged does not count yet
        return [*made, *staged, Stored(dict(self.loaded))]


@dataclass(frozen=True)
class Delete(Logged):
    """Deletes ids, absent ones too."""

    ids: tuple[Id, ...]

    def answers_of(self, store: Store) -> Codes:
        return frozenset({"index_not_initialized"}) if store.now.rows is None else JUST_DONE

    async def call(self, engine: Engine) -> int:
        return (await engine.delete(keys(self.ids))).lsn

    def records(self, store: Store) -> list[Stored]:
        is_changed = set(self.ids) & set(store.now.rows or {})
        return [store.now.with_rows(dict.fromkeys(self.ids))] if is_changed else []


@dataclass(frozen=True)
class Flush(Served):
    """Seals everything, and trims the log as far as it may be."""

    async def call(self, engine: Engine) -> None:
        await engine.flush()
