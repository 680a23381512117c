"""Steps that look before they write: items with conditions, many kinds of changes at once, fields set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.api.service.write_by_filter import set_ids
from asteroid_cloud.api.service.writing.mixed_writes import write_mixed
from asteroid_cloud.indexer import Engine, ItemConditions, Mixed, SetFields, Upserts, WriteResult
from asteroid_cloud.indexer.decide.items import NO_MATCH, NUMBER_OF, OnExisting
from asteroid_cloud.indexer.model.ids import Id
from asteroid_cloud.query import parse_filter
from tests.promises.operations.driver.model import Store
from tests.promises.operations.driver.rows import columns_of, drawn_rows
from tests.promises.operations.driver.steps.step import DONE, JUST_DONE, Codes, must
from tests.promises.operations.driver.steps.writing import Logged
from tests.promises.power import stored
from tests.promises.power.stored import Stored
from tests.support.engines import keys
from tests.support.write_model import Refused, WriteModel

NO_INDEX: Codes = frozenset({"index_not_initialized"})


@dataclass(frozen=True)
class Decided(Logged):
    """A write that is decided on what is stored; it is one record, or none when it changes nothing."""

    draw: int

    def expected(self, model: WriteModel) -> dict[str, int]:
        """Does it to the model; the counts of its answer. Raises Refused."""
        raise NotImplementedError

    def answers_of(self, store: Store) -> Codes:
        if store.now.rows is None:
            return NO_INDEX
        try:
            self.expected(model_of(store))
        except Refused as refused:
            return frozenset({refused.code})
        return JUST_DONE

    def records(self, store: Store) -> list[Stored]:
        if store.now.rows is None:
            return []
        model = model_of(store)
        try:
            counts = self.expected(model)
        except Refused:
            return []
        counts.pop("skipped")
        return [stored.stored_of(store.now, model)] if any(counts.values()) else []

    def check_in(self, store: Store, result: Any) -> None:
        must(result.lsn == store.lsn, f"it got LSN {result.lsn}, not {store.lsn}")


@dataclass(frozen=True)
class WriteEach(Decided):
    """Items, each of which says what is to happen where its id exists; the last may have a condition."""

    ids: tuple[Id, ...]
    """Also some twice."""
    on_existing: tuple[OnExisting, ...] = ()
    """One for each."""
    since: int | None = None
    """The record after which the id of the last item must not have changed."""
    vector: str = "required"

    @property
    def items(self) -> list[tuple[Id, tuple[bytes, bytes]]]:
        """What is written, in order."""
        return items_of(self.ids, self.draw, self.vector)

    def expected(self, model: WriteModel) -> dict[str, int]:
        items = [
            {"id": id_, "vector": vector, "metadata": msgspec.json.decode(text), "on_existing": mode}
            for (id_, (vector, text)), mode in zip(self.items, self.on_existing, strict=True)
        ]
        if self.since is not None:
            items[-1]["if_match"] = self.since
        return model.batch(items)

    def answers_of(self, store: Store) -> Codes:
        codes = super().answers_of(store)
        if store.now.rows is None or self.since is None:
            return codes
        before = self._without_condition().answers_of(store)
        if DONE not in before and self._head().answers_of(store) == before:
            return before  # an item before it refuses
        if self.since > store.lsn:
            return frozenset({"bad_if_match"})
        if self.since not in store.states:
            return frozenset({"other_history"})
        return codes | {"precondition_failed"}  # also when it is not known any more what changed when

    def _without_condition(self) -> WriteEach:
        return WriteEach(draw=self.draw, ids=self.ids, on_existing=self.on_existing, vector=self.vector)

    def _head(self) -> WriteEach:
        """The items before the last."""
        return WriteEach(
            draw=self.draw, ids=self.ids[:-1], on_existing=self.on_existing[:-1], vector=self.vector
        )

    async def call(self, engine: Engine) -> WriteResult:
        matches = np.full(len(self.ids), NO_MATCH, np.int64)
        if self.since is not None:
            matches[-1] = self.since
        modes = np.array([NUMBER_OF[mode] for mode in self.on_existing], np.uint8)
        return await engine.decided.upsert(
            Upserts(**columns_of(self.items), conditions=ItemConditions(matches, modes))
        )


@dataclass(frozen=True)
class WriteMixed(Decided):
    """Deletes what a filter matches and what is named, inserts, patches and sets: all in one record."""

    matched: int | None = None
    """Rows of this draw are deleted, too."""
    deletes: tuple[Id, ...] = ()
    upserts: tuple[Id, ...] = ()
    on_existing: OnExisting = "replace"
    patches: tuple[Id, ...] = ()
    sets: tuple[Id, ...] = ()
    vector: str = "required"

    @property
    def items(self) -> list[tuple[Id, tuple[bytes, bytes]]]:
        """What is inserted, in order."""
        return items_of(self.upserts, self.draw, self.vector)

    def expected(self, model: WriteModel) -> dict[str, int]:
        matched = [id_ for id_, (_, payload) in model.rows.items() if payload.get("draw") == self.matched]
        return model.write(
            [] if self.matched is None else matched,
            self.deletes,
            [
                {"id": id_, "vector": vector, "metadata": msgspec.json.decode(text)}
                for id_, (vector, text) in self.items
            ],
            [{"id": id_, "patch": {"patched": self.draw, "filler": None}} for id_ in self.patches],
            [{"id": id_, "set": {"set": self.draw}, "unset": [["patched"]]} for id_ in self.sets],
            self.on_existing,
        )

    async def call(self, engine: Engine) -> WriteResult:
        kind = engine.snapshot().spec.ids
        taken = columns_of(self.items) | {"ids": kind.of(self.upserts)}
        modes = np.full(len(self.upserts), NUMBER_OF[self.on_existing], np.uint8)
        matches = np.full(len(self.upserts), NO_MATCH, np.int64)
        patch = msgspec.json.encode({"patched": self.draw, "filler": None})
        fields = SetFields(msgspec.json.encode({"set": self.draw}), [["patched"]])
        mixed = Mixed(
            kind.of(self.deletes),
            Upserts(**taken, conditions=ItemConditions(matches, modes)),
            [(id_, patch) for id_ in self.patches],
            [(id_, fields) for id_ in self.sets],
        )
        filters = [] if self.matched is None else [parse_filter({"draw": self.matched})]
        return await write_mixed(engine, ReadExecutor(engine), mixed, filters)


@dataclass(frozen=True)
class SetIn(Decided):
    """Sets a field of those of some rows that there are, and removes another."""

    ids: tuple[Id, ...] = ()

    def expected(self, model: WriteModel) -> dict[str, int]:
        there = [id_ for id_ in self.ids if id_ in model.rows]
        return model.write(
            sets=[{"id": id_, "set": {"set": self.draw}, "unset": [["draw"]]} for id_ in there]
        )

    async def call(self, engine: Engine) -> WriteResult:
        fields = SetFields(msgspec.json.encode({"set": self.draw}), [["draw"]])
        return await set_ids(engine, ReadExecutor(engine), keys(self.ids), fields)


def items_of(ids: tuple[Id, ...], draw: int, vector: str) -> list[tuple[Id, tuple[bytes, bytes]]]:
    """One row for each id, of which some may be there twice."""
    rows = drawn_rows(range(len(ids)), draw, vector)
    return [(id_, rows[place]) for place, id_ in enumerate(ids)]


def model_of(store: Store) -> WriteModel:
    """What the store holds, and which record changed each id last."""
    model = stored.model_of(store.now)
    model.changed = {id_: store.changed_last(id_) for id_ in model.rows}
    return model
