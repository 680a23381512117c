"""Calls on several collections of one store: they are made, filled, named, removed and made again."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import anyio

from asteroid_cloud.api.service.collections import AskedDefinition, Collections
from asteroid_cloud.indexer import Engine
from asteroid_cloud.indexer.model.ids import Id
from tests.promises.power.mixed import MixedCalls
from tests.promises.power.script import IDS, NAMES
from tests.promises.power.stored import DIM, Stored

DEFAULT = "default"
COLLECTIONS = (DEFAULT, "a", "b-1", "c_2")
ALIASES = ("x", "now")
IDLE_S = 30.0
"""Time without a call after which a collection is closed."""
Row = tuple[str, str, str, int, str]
Seen = tuple[tuple[Row, ...], tuple[tuple[str, str], ...]]
"""Each collection: its name, ids, vectors, rows and their digest; and where each alias leads."""


class Held(NamedTuple):
    """A collection: what it is, and what it holds."""

    ids: str
    vector: str
    stored: Stored


@dataclass(frozen=True)
class Model:
    """What a store has to hold."""

    held: Mapping[str, Held] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def with_collection(self, name: str, held: Held | None) -> Model:
        """The same after a collection was made or changed; or removed, with the aliases that lead to it."""
        if held is not None:
            return replace(self, held={**self.held, name: held})
        left = {other: each for other, each in self.held.items() if other != name}
        return Model(left, {alias: to for alias, to in self.aliases.items() if to != name})

    def with_alias(self, alias: str, to: str | None) -> Model:
        """The same after an alias was set, or removed."""
        left = {other: each for other, each in self.aliases.items() if other != alias}
        return replace(self, aliases=left if to is None else {**left, alias: to})

    def contents(self) -> Seen:
        """The same as a look at a store tells it."""
        rows = [
            (name, each.ids, each.vector, *each.stored.contents()[1:3]) for name, each in self.held.items()
        ]
        return tuple(sorted(rows)), tuple(sorted(self.aliases.items()))


class Call(NamedTuple):
    """One call: how to make it, and what it changes."""

    number: int
    told: str
    do: Callable[[Collections], Awaitable[object]]
    change: Callable[[Model], Model]


class Drawing:
    """Draws calls that suit what there is."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._drawn = seed * 100_000
        pools: dict[str, list[Id]] = {"integer": [*range(IDS)], "string": [*NAMES]}
        self._mixed = {kind: MixedCalls(self._random, pool) for kind, pool in pools.items()}

    def call(self, model: Model, beside: frozenset[str] = frozenset()) -> Call | None:
        """The next call; None if there is none to make beside others that change these collections."""
        self._drawn += 1
        choose = self._random
        kind = choose.choices(
            ["write", "make", "remove", "point", "drop", "flush", "wait"], [9, 4, 2, 3, 1, 1, 1]
        )[0]
        there = sorted(name for name in model.held if name not in beside)
        if kind == "make" or not there:
            return self._make(model, beside)
        name = choose.choice(there)
        if kind == "write":
            return self._write(model, self._any_name(model, name), name)
        if kind == "flush":
            return self._call(f"flush {name}", lambda all_: _with(all_, name, _flush), lambda model: model)
        if kind == "remove" and (name != DEFAULT or DEFAULT not in model.aliases.values()):
            return self._call(
                f"remove {name}",
                lambda all_: all_.delete(name),
                lambda model: model.with_collection(name, None),
            )
        if kind in ("point", "drop") and not beside:
            return self._alias(model, choose.choice(ALIASES), name if kind == "point" else None)
        return self._call("wait", lambda all_: anyio.sleep(2 * IDLE_S), lambda model: model)

    def step(self, model: Model) -> list[Call]:
        """One call, or two at once that change different collections."""
        first = self.call(model)
        assert first is not None
        about = frozenset(model.held) - frozenset(_unchanged(model, first))
        if self._random.random() < 0.3 and about:
            second = self.call(model, about | frozenset(first.change(model).held) - frozenset(model.held))
            if second is not None:
                return [first, second]
        return [first]

    def _make(self, model: Model, beside: frozenset[str]) -> Call | None:
        free = [name for name in COLLECTIONS if name not in model.held and name not in beside]
        if not free:
            return None if beside else self._alias(model, self._random.choice(ALIASES), None)
        name = self._random.choice(free)
        held = Held(
            self._random.choice(["integer", "string"]),
            self._random.choice(["required", "optional"]),
            Stored({}),
        )
        asked = AskedDefinition(dim=DIM, ids=held.ids, vector=held.vector)
        return self._call(
            f"make {name} {held.ids} {held.vector}",
            lambda all_: all_.create(name, asked),
            lambda model: model.with_collection(name, held),
        )

    def _alias(self, model: Model, alias: str, to: str | None) -> Call:
        if to is None:
            return self._call(
                f"drop {alias}",
                lambda all_: all_.delete_alias(alias),
                lambda model: model.with_alias(alias, None),
            )
        return self._call(
            f"point {alias} {to}",
            lambda all_: all_.set_alias(alias, to),
            lambda model: model.with_alias(alias, to),
        )

    def _any_name(self, model: Model, name: str) -> str:
        return self._random.choice([name, *(alias for alias, to in model.aliases.items() if to == name)])

    def _write(self, model: Model, called: str, name: str) -> Call:
        held = model.held[name]
        calls, there = self._mixed[held.ids], list(held.stored.rows or {})
        if self._random.random() < 0.3:
            do, change = calls.each(self._drawn, held.vector)
        else:
            do, change = calls.mixed(there, self._drawn, held.vector)

        def changed(model: Model) -> Model:
            before = model.held[name]
            return model.with_collection(name, before._replace(stored=change(before.stored)))

        return self._call(f"write {called} {self._drawn}", lambda all_: _with(all_, called, do), changed)

    def _call(
        self, told: str, do: Callable[[Collections], Awaitable[object]], change: Callable[[Model], Model]
    ) -> Call:
        return Call(self._drawn, told, do, change)


def steps_of(seed: int, count: int) -> list[list[Call]]:
    """The steps of a seed; the calls of one are made at the same time."""
    drawing, model, steps = Drawing(seed), Model(), []
    for _ in range(count):
        steps.append(drawing.step(model))
        for call in steps[-1]:
            model = call.change(model)
    return steps


def _unchanged(model: Model, call: Call) -> list[str]:
    after = call.change(model)
    return [name for name, held in model.held.items() if after.held.get(name) is held]


async def _with(all_: Collections, name: str, do: Callable[[Engine], Awaitable[object]]) -> None:
    async with all_.use(name) as collection:
        await do(collection.engine)


async def _flush(engine: Engine) -> None:
    await engine.flush()
