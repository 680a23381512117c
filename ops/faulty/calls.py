"""Random calls of every kind: most meet rows that there are, some meet none, some are refused."""

from __future__ import annotations

from random import Random
from typing import Any

from ops.faulty.model import DIM, Call, Model, Payload, Vector

IDS = 24
"""So few that calls meet each other's rows."""
GROUPS = 4
WRITES = {
    "insert": 12,
    "upsert": 8,
    "delete": 8,
    "set_payload": 8,
    "merge_payload": 6,
    "insert_batch": 6,
    "delete_many": 5,
    "merge_many": 5,
    "tag": 2,
    "untag": 2,
    "create_index": 1,
    "delete_index": 1,
    "bulk_build": 1,
}
READS = {
    **dict.fromkeys(("get", "get_payload", "fetch", "count", "scroll", "search"), 4),
    **dict.fromkeys(("search_batch", "facets", "field_range", "stats", "get_index", "tags", "changes"), 2),
    **dict.fromkeys(("recovery", "recall", "health", "ready", "flush", "wait_for", "backups"), 1),
}


class Calls:
    """Draws calls that suit what the store holds."""

    def __init__(self, rng: Random, model: Model) -> None:
        self._rng = rng
        self._model = model
        self._number = 0

    def next(self) -> Call:
        """One call."""
        self._number += 1
        if not self._model.exists and self._rng.random() < 0.5:
            return Call("create_index", (DIM,))
        kinds = {**WRITES, **READS}
        if self._model.exists and not self._model.rows:
            kinds["bulk_build"] = 30
        name = self._rng.choices(list(kinds), list(kinds.values()))[0]
        args, options = getattr(self, f"_{name}", lambda: ((), {}))()
        return Call(name, args, options)

    def _id(self) -> int:
        return self._rng.randrange(IDS)

    def _vector(self) -> Vector:
        return tuple(float(self._rng.randint(-9, 9)) for _ in range(DIM))

    def _payload(self) -> Payload:
        return {"group": self._rng.randrange(GROUPS), "call": self._number}

    def _insert(self) -> tuple[Any, Any]:
        options = {"if_absent": True} if self._rng.random() < 0.2 else {}
        metadata = self._rng.choice([None, {}, self._payload(), self._payload()])
        return (self._id(), self._vector(), metadata), options

    _upsert = _insert

    def _delete(self) -> tuple[Any, Any]:
        return (self._id(),), {}

    def _set_payload(self) -> tuple[Any, Any]:
        id_, chance = self._id(), self._rng.random()
        since = self._model.changed.get(id_, 0)
        if chance < 0.3 and since:
            return (id_, self._payload()), {"if_match": since - (1 if chance < 0.1 else 0)}
        return (id_, self._payload()), {}

    def _merge_payload(self) -> tuple[Any, Any]:
        return (self._id(), self._rng.choice([self._payload(), {"group": None}, {}])), {}

    def _insert_batch(self) -> tuple[Any, Any]:
        some = self._rng.randint(1, 7)
        items = [(self._id(), self._vector(), self._rng.choice([None, self._payload()])) for _ in range(some)]
        skips = {"on_existing": "skip"} if self._rng.random() < 0.4 else {}
        return (items,), {"chunk_size": self._rng.randint(1, 4), **skips}

    def _chosen(self) -> dict[str, Any]:
        if self._rng.random() < 0.5:
            return {"filter": {"group": self._rng.randrange(GROUPS)}}
        return {"ids": self._rng.sample(range(IDS), 4)}

    def _delete_many(self) -> tuple[Any, Any]:
        return (), self._chosen()

    def _merge_many(self) -> tuple[Any, Any]:
        return ({"many": self._number},), self._chosen()

    def _create_index(self) -> tuple[Any, Any]:
        return (DIM,), {}

    def _bulk_build(self) -> tuple[Any, Any]:
        return ([self._vector() for _ in range(5)],), {}

    def _tag(self) -> tuple[Any, Any]:
        return (f"t{self._rng.randrange(6)}",), {}

    _untag = _tag

    def _get(self) -> tuple[Any, Any]:
        return (self._id(),), {}

    _get_payload = _get

    def _fetch(self) -> tuple[Any, Any]:
        return (self._rng.sample(range(IDS), 5),), {"include": ["payload"]}

    def _count(self) -> tuple[Any, Any]:
        return (), self._rng.choice([{}, {"filter": {"group": self._rng.randrange(GROUPS)}}])

    def _scroll(self) -> tuple[Any, Any]:
        return (), {"page_size": self._rng.randint(1, 9)}

    def _search(self) -> tuple[Any, Any]:
        return (self._vector(),), {"k": self._rng.randint(1, 9), "exact": True}

    def _search_batch(self) -> tuple[Any, Any]:
        return ([self._vector() for _ in range(3)],), {"k": 2}

    def _facets(self) -> tuple[Any, Any]:
        return ("group",), {}

    _field_range = _facets

    def _changes(self) -> tuple[Any, Any]:
        return (self._model.lsn,), {"follow": False}

    def _recall(self) -> tuple[Any, Any]:
        return (2,), {"k": 1}

    def _wait_for(self) -> tuple[Any, Any]:
        return (self._model.lsn,), {}
