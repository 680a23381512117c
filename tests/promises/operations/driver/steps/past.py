"""Steps on the past of a store that is served: tags, purges, and reads at a position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np

from asteroid_cloud.indexer import Change, Engine, FeedParts
from tests.promises.operations.driver.model import Store, World
from tests.promises.operations.driver.steps.serving import Served
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, must
from tests.promises.power.stored import Rows
from tests.support.write_model import laid_over, merged


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
        """The log is trimmed first; then tags go one after the other, then states that were replaced."""
        if not world.served:
            return super().after_a_kill(world)
        worlds, tags = [], sorted(world.open_store().tags.items())
        replaced = world.open_store().replaced
        left = [(tags[gone:], replaced) for gone in range(len(tags) + 1)]
        left += [([], replaced[gone:]) for gone in range(1, len(replaced) + 1)]
        for tags_left, replaced_left in left:
            begun = world.copy()
            store = begun.open_store()
            store.keeps_all, store.tags, store.replaced = False, dict(tags_left), list(replaced_left)
            worlds.append(begun)
        return worlds


@dataclass(frozen=True)
class Feed(Served):
    """Follows the changes since a position: they lead from what the store held then to what it holds."""

    since: int
    stops_at_damage: ClassVar[bool] = True

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
        lost = store.lost_rows  # with a segment: the log may have them yet
        for change in result:
            must(change.lsn in store.states and change.lsn > self.since, f"record {change.lsn} is not of it")
            rows = followed(rows, change)
        left = None if rows is None else {id_: row for id_, row in rows.items() if (id_, row[1]) not in lost}
        must(left == store.now.rows, "the changes do not lead to what the store holds")


def followed(rows: Rows | None, change: Change) -> Rows | None:
    """What a follower holds after one change."""
    if change.kind == "create_index":
        return {}
    held: Rows = rows or {}
    ids = [] if change.ids is None else change.ids.tolist()
    if change.kind == "delete":
        return {id_: row for id_, row in held.items() if id_ not in set(ids)}
    if change.kind in ("merge_payload", "set_fields"):
        return {**held, **{id_: (held[id_][0], _changed(held[id_][1], change)) for id_ in ids if id_ in held}}
    must(change.kind in ("upsert", "bulk_load"), f"a change of kind {change.kind}")
    before = [held.get(id_, (b"", b"")) for id_ in ids]  # a bulk load gives vectors first, then payloads
    vectors = [vector for vector, _ in before]
    if change.vectors is not None:
        bare = [False] * len(ids) if change.bare is None else change.bare.tolist()
        given = zip(np.asarray(change.vectors, np.float32), bare, strict=True)
        vectors = [b"" if is_bare else vector.tobytes() for vector, is_bare in given]
    payloads = change.payloads or [None] * len(ids)
    texts = [old if text is None else text for (_, old), text in zip(before, payloads, strict=True)]
    return {**held, **dict(zip(ids, zip(vectors, texts, strict=True), strict=True))}


def _changed(text: bytes, change: Change) -> bytes:
    """A payload after one change of it."""
    assert change.payloads is not None
    payload = msgspec.json.decode(text) if text else {}
    given = msgspec.json.decode(change.payloads[0] or b"{}")
    if change.kind == "merge_payload":
        payload = merged(payload, {"patch": given})
    else:
        payload = laid_over(payload, {"set": given, "unset": change.unset or []})
    return msgspec.json.encode(payload) if payload else b""


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
