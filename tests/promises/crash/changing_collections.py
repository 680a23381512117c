"""A process that makes, fills, names and removes collections, and says what it begins and what is done.

``python -m tests.promises.crash.changing_collections FOLDER SEED`` writes a line for each begin and end.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

import anyio

from asteroid_cloud.api.service.collections import (
    AskedDefinition,
    Collections,
    CollectionsOptions,
    open_collections,
)
from asteroid_cloud.wal.errors import AsteroidError
from tests.support.engines import u64, vectors

NAMES = ["a", "b", "c", "d"]
ALIASES = ["x", "y"]
Step = list[Any]
"""What is done, and with what: make NAME, remove NAME, point ALIAS NAME, drop ALIAS, insert NAME ID."""


class Model:
    """What a store has to hold: the ids in each collection, and where aliases lead."""

    def __init__(self) -> None:
        self.rows: dict[str, set[int]] = {}
        self.aliases: dict[str, str] = {}

    def do(self, step: Step) -> None:
        """A step that was done."""
        match step:
            case ["make", name]:
                self.rows.setdefault(name, set())
            case ["remove", name]:
                self.rows.pop(name, None)
                self.aliases = {alias: to for alias, to in self.aliases.items() if to != name}
            case ["point", alias, name]:
                self.aliases[alias] = name
            case ["drop", alias]:
                self.aliases.pop(alias, None)
            case ["insert", name, id_]:
                self.rows[name].add(id_)

    def allows(self, step: Step) -> bool:
        """Whether a step finds the collection that it needs."""
        needed = {"insert": 1, "point": 2}.get(step[0])
        return needed is None or step[needed] in self.rows

    def copy(self) -> Model:
        """The same, to go on from."""
        other = Model()
        other.rows = {name: set(ids) for name, ids in self.rows.items()}
        other.aliases = dict(self.aliases)
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and (self.rows, self.aliases) == (other.rows, other.aliases)

    def __hash__(self) -> int:
        raise TypeError("a model changes")

    def __repr__(self) -> str:
        return f"{self.rows} {self.aliases}"


def drawn(choose: random.Random, number: int) -> Step:
    """The next step."""
    name, alias = choose.choice(NAMES), choose.choice(ALIASES)
    steps: list[Step] = [["make", name], ["remove", name], ["point", alias, name], ["drop", alias]]
    return choose.choices([*steps, ["insert", name, number]], weights=[3, 1, 2, 1, 6])[0]


async def carried_out(all_: Collections, step: Step) -> None:
    """Does a step; raises what forbids it."""
    match step:
        case ["make", name]:
            await all_.create(name, AskedDefinition(dim=4))
        case ["remove", name]:
            await all_.delete(name)
        case ["point", alias, name]:
            await all_.set_alias(alias, name)
        case ["drop", alias]:
            await all_.delete_alias(alias)
        case ["insert", name, id_]:
            async with all_.use(name) as collection:
                await collection.engine.upsert(u64(id_), vectors(1, 4), None)


async def change(folder: str, seed: int) -> None:
    """Changes collections until the process is killed."""
    choose = random.Random(seed)
    async with open_collections(folder, options=CollectionsOptions(idle_s=0.05)) as all_:
        for number in range(1_000_000):
            step = drawn(choose, seed * 1_000_000 + number)
            say(["begin", step])
            try:
                await carried_out(all_, step)
                say(["done", step])
            except AsteroidError as error:
                say(["refused", step, error.code])


def say(line: Step) -> None:
    """One line for whoever watches."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(change, sys.argv[1], int(sys.argv[2]))
