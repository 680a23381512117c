"""Calls of a script that look before they write: items that skip, and many kinds of changes in one record."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from asteroid_cloud.indexer import Engine, ItemConditions, Mixed, SetFields, Upserts
from asteroid_cloud.indexer.decide.items import NO_MATCH, REPLACE, SKIP
from asteroid_cloud.indexer.model.ids import Id
from tests.promises.power.stored import DIM, Stored, model_of, stored_of
from tests.support.engines import keys, vectors
from tests.support.write_model import Refused

BARE_SHARE = 0.3
BYTES_MAX = 10_000
Made = tuple[Callable[[Engine], Awaitable[object]], Callable[[Stored], Stored]]
"""How to make a call, and what it changes."""


class MixedCalls:
    """Draws them."""

    def __init__(self, rng: random.Random, pool: Sequence[Id]) -> None:
        """``pool`` is all ids that there are."""
        self._random = rng
        self._pool = pool

    def each(self, drawn: int, vector: str) -> Made:
        """Items of which some, also the second of one id, are skipped where their id exists."""
        items = self._items(drawn, vector, self._random.choices(self._pool, k=self._random.randint(2, 9)))
        modes = [self._random.choice(["skip", "replace"]) for _ in items]
        for item, mode in zip(items, modes, strict=True):
            item["on_existing"] = mode

        async def do(engine: Engine) -> None:
            await engine.decided.upsert(_columns(items))

        return do, lambda stored: _after(stored, upserts=items)

    def mixed(self, there: Sequence[Id], drawn: int, vector: str) -> Made:
        """Deletes, inserts, patches and sets; what is patched or set is ``there`` or inserted before."""
        deletes = self._random.sample(self._pool, self._random.randint(0, 3))
        items = self._items(drawn, vector, self._random.sample(self._pool, self._random.randint(1, 8)))
        left = [id_ for id_ in there if id_ not in deletes] + [item["id"] for item in items]
        patches = [
            {"id": id_, "patch": {"m": drawn, "v": None}}
            for id_ in self._random.sample(left, min(2, len(left)))
        ]
        sets = [{"id": id_, "set": {"s": drawn}, "unset": [["m"]]} for id_ in self._random.sample(left, 1)]

        async def do(engine: Engine) -> None:
            kind = engine.snapshot().spec.ids
            mixed = Mixed(
                kind.of(deletes),
                _columns(items),
                [(each["id"], msgspec.json.encode(each["patch"])) for each in patches],
                [(each["id"], SetFields(msgspec.json.encode(each["set"]), each["unset"])) for each in sets],
            )
            await engine.decided.write(mixed, BYTES_MAX)

        return do, lambda stored: _after(stored, deletes=deletes, upserts=items, patches=patches, sets=sets)

    def _items(self, drawn: int, vector: str, ids: Sequence[Id]) -> list[dict[str, Any]]:
        rows = vectors(len(ids), DIM, drawn)
        may_be_bare = vector == "optional"
        return [
            {
                "id": id_,
                "vector": b"" if may_be_bare and self._random.random() < BARE_SHARE else row.tobytes(),
                "metadata": {"v": drawn},
            }
            for id_, row in zip(ids, rows, strict=True)
        ]


def _columns(items: Sequence[dict[str, Any]]) -> Upserts:
    """The items as the engine takes them."""
    bare = np.array([not item["vector"] for item in items])
    held = b"".join(item["vector"] for item in items)
    modes = [SKIP if item.get("on_existing") == "skip" else REPLACE for item in items]
    return Upserts(
        keys([item["id"] for item in items]),
        np.frombuffer(held, np.float32).reshape(-1, DIM),
        [msgspec.json.encode(item["metadata"]) for item in items],
        ItemConditions(np.full(len(items), NO_MATCH, np.int64), np.array(modes, np.uint8)),
        bare if bare.any() else None,
    )


def _after(stored: Stored, **lists: Any) -> Stored:
    """What a store holds after such a write, which has no effect where it is refused."""
    if stored.rows is None:
        return stored
    model = model_of(stored)
    try:
        model.write(**lists)
    except Refused:
        return stored
    return stored_of(stored, model)
