"""Steps on a store that is served: opening, writing, tags, purges, feeds, closing, and kills in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from asteroid_cloud.indexer import Change, Condition, Engine, FeedParts
from tests.promises.operations.driver.model import Store, World
from tests.promises.operations.driver.real import Real, options_of
from tests.promises.operations.driver.steps import DONE, JUST_DONE, Codes, Step, must, on_store
from tests.promises.power.script import DIM, Rows, Stored
from tests.support.engines import u64, vectors


@dataclass(frozen=True)
class Open(Step):
    """Serves a store; makes it if it is not there. It may be told to keep its whole log, or no longer."""

    at: str
    keeps_log: bool | None = None

    def answers(self, world: World) -> Codes:
        store = world.store(self.at)
        if self.at not in world.folders or self._has_to_wait(world):
            return JUST_DONE
        if store is not None and store.loss == "open" and world.served != self.at:
            return frozenset({"degraded"})
        return on_store(world, self.at)

    def run(self, real: Real) -> bool:
        """Whether the log is damaged still: what lies before the checkpoint is not read at a start."""
        if not real.is_open or real.serves(self.at):
            real.open(self.at, options_of(keep_log=self.keeps_log))
        return real.log_is_damaged(self.at)

    def apply(self, world: World, result: Any = None) -> None:
        if self._has_to_wait(world):
            return
        store = world.folders.setdefault(self.at, Store(origin=world.now_ms))
        assert isinstance(store, Store)
        world.served = self.at
        store.keeps_log = store.keeps_log if self.keeps_log is None else self.keeps_log
        store.keeps_all = store.keeps_all and store.keeps_log is True
        store.is_torn = store.may_be_interrupted = False
        store.damages = frozenset({"log"} if "log" in store.damages and result else ())

    def writes(self, world: World) -> set[str]:
        return set() if self._has_to_wait(world) else {self.at}

    def after_a_kill(self, world: World) -> list[World]:
        worlds = super().after_a_kill(world)
        for each in worlds:
            if (store := each.store(self.at)) is not None and self.keeps_log is not None:
                store.keeps_log = None
                store.keeps_all = store.keeps_all and self.keeps_log
        return worlds

    def _has_to_wait(self, world: World) -> bool:
        """Whether another store is served: one at a time is, here."""
        return world.served not in (None, self.at)


@dataclass(frozen=True)
class Served(Step):
    """A step that needs an open store; without one nothing is done."""

    def answers(self, world: World) -> Codes:
        return self.answers_of(world.open_store()) if world.served else JUST_DONE

    def run(self, real: Real) -> Any:
        return real.do(self.call) if real.is_open else None

    def apply(self, world: World, result: Any = None) -> None:
        if world.served:
            self.apply_to(world.open_store(), world)

    def check(self, world: World, result: Any) -> None:
        if world.served:
            self.check_in(world.open_store(), result)

    def writes(self, world: World) -> set[str]:
        return {world.served} if world.served else set()

    def answers_of(self, store: Store) -> Codes:
        """As ``answers``."""
        return JUST_DONE

    async def call(self, engine: Engine) -> Any:
        """As ``run``."""

    def apply_to(self, store: Store, world: World) -> None:
        """As ``apply``."""

    def check_in(self, store: Store, result: Any) -> None:
        """As ``check``."""


@dataclass(frozen=True)
class Close(Served):
    """Stops the server in order."""

    def run(self, real: Real) -> None:
        if real.is_open:
            real.close()

    def apply(self, world: World, result: Any = None) -> None:
        world.served = None


@dataclass(frozen=True)
class Kill(Served):
    """Kills the server."""

    def run(self, real: Real) -> None:
        real.killed()

    def apply(self, world: World, result: Any = None) -> None:
        world.served = None


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


@dataclass(frozen=True)
class Tag(Served):
    """Keeps the state of now under a name."""

    name: str

    def answers_of(self, store: Store) -> Codes:
        if store.now.rows is None:
            return frozenset({"index_not_initialized"})
        return frozenset({"tag_exists"}) if self.name in store.tags else JUST_DONE

    async def call(self, engine: Engine) -> int:
        return (await engine.tag(self.name)).lsn

    def apply_to(self, store: Store, world: World) -> None:
        store.tags[self.name] = store.lsn

    def check_in(self, store: Store, result: Any) -> None:
        must(result == store.lsn, f"the tag names record {result}, not {store.lsn}")


@dataclass(frozen=True)
class Untag(Served):
    """Removes a tag."""

    name: str

    def answers_of(self, store: Store) -> Codes:
        return JUST_DONE if self.name in store.tags else frozenset({"no_tag"})

    async def call(self, engine: Engine) -> None:
        await engine.untag(self.name)

    def apply_to(self, store: Store, world: World) -> None:
        store.tags.pop(self.name)


@dataclass(frozen=True)
class Purge(Served):
    """Erases the past: tags, what was replaced, and the log behind the checkpoint."""

    async def call(self, engine: Engine) -> Any:
        return await engine.purge()

    def apply_to(self, store: Store, world: World) -> None:
        store.tags.clear()
        store.replaced.clear()
        store.keeps_all = False

    def check_in(self, store: Store, result: Any) -> None:
        must(result.not_ours == [], f"unknown files are left: {result.not_ours}")

    def after_a_kill(self, world: World) -> list[World]:
        """Tags go one after the other, then what was replaced; the log is trimmed before."""
        worlds, left = [world], sorted(world.open_store().tags) if world.served else []
        for count in range(len(left) + 1):
            begun = world.copy()
            if begun.served:
                begun.open_store().keeps_all = False
                begun.open_store().tags = {name: world.open_store().tags[name] for name in left[count:]}
            worlds.append(begun)
        return [*worlds, *super().after_a_kill(world)[1:]]


@dataclass(frozen=True)
class Feed(Served):
    """Follows the changes since a position: they lead from what the store held then to what it holds."""

    since: int

    def answers_of(self, store: Store) -> Codes:
        if self.since > store.lsn:
            return frozenset({"bad_since"})
        if self.since not in store.states:
            return frozenset({"other_history"})
        return JUST_DONE if store.keeps_all else frozenset({DONE, "changes_pruned"})

    async def call(self, engine: Engine) -> list[Change]:
        seen: list[Change] = []
        with engine.changes(self.since, FeedParts(payloads=True, vectors=True)) as feed:
            while feed.is_behind:
                seen += await feed.next()
        return seen

    def check_in(self, store: Store, result: Any) -> None:
        rows = store.states[self.since].rows
        for change in result:
            must(change.lsn in store.states and change.lsn > self.since, f"record {change.lsn} is not of it")
            rows = followed(rows, change)
        must(rows == store.now.rows, "the changes do not lead to what the store holds")


def followed(rows: Rows | None, change: Change) -> Rows | None:
    """What a follower holds after one change."""
    if change.kind == "create_index":
        return {}
    held: Mapping[int, tuple[bytes, bytes]] = rows or {}
    ids = [] if change.ids is None else change.ids.tolist()
    if change.kind == "delete":
        return {id_: row for id_, row in held.items() if id_ not in set(ids)}
    must(change.kind == "upsert" and change.vectors is not None, f"a change of kind {change.kind}")
    given = zip(ids, np.asarray(change.vectors, np.float32), change.payloads or [], strict=True)
    return {**held, **{id_: (vector.tobytes(), text or b"") for id_, vector, text in given}}


@dataclass(frozen=True)
class WaitFor(Served):
    """Reads at a position, as with ``min_lsn``."""

    lsn: int

    def answers_of(self, store: Store) -> Codes:
        if self.lsn > store.lsn:
            return frozenset({"not_caught_up"})
        return JUST_DONE if self.lsn in store.states else frozenset({"other_history"})

    async def call(self, engine: Engine) -> None:
        await engine.wait_for(self.lsn, 0.0)
