"""What a store holds after the calls that were done, and what each call must answer, as a plain program."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

DIM = 3
Vector = tuple[float, ...]
Payload = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One record as the change feed tells it."""

    kind: str
    ids: tuple[int, ...] = ()
    vectors: tuple[Vector, ...] = ()
    payloads: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Call:
    """One call of a client."""

    name: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What a write does when it is done, or why it is refused."""

    events: tuple[Event, ...] = ()
    count: int | None = None
    """What it returns, when that is a number of rows."""
    refused: str = ""
    """The code."""
    may_be_refused: str = ""
    """The code of a refusal that is allowed although it need not be."""


class Model:
    """The store."""

    def __init__(self) -> None:
        self.exists = False
        self.rows: dict[int, tuple[Vector, Payload]] = {}
        self.tags: set[str] = set()
        self.changed: dict[int, int] = {}
        """The record that changed an id last."""
        self.lsn = 0

    def apply(self, event: Event, lsn: int) -> None:
        """What a record does."""
        self.lsn = max(self.lsn, lsn)
        for number, id_ in enumerate(event.ids):
            self.changed[id_] = lsn
            vector, old = self.rows.get(id_, ((), {}))
            if event.kind == "upsert":
                given = event.payloads[number]
                self.rows[id_] = event.vectors[number], old if given is None else given
            elif event.kind == "delete":
                self.rows.pop(id_, None)
            elif event.kind == "set_payload":
                self.rows[id_] = vector, event.payloads[0]
            elif event.kind == "merge_payload":
                self.rows[id_] = vector, merged(old, event.payloads[0])
        if event.kind in ("create_index", "delete_index"):
            self.exists, self.rows, self.changed = event.kind == "create_index", {}, {}
        if event.kind == "bulk_load":
            self.rows = {id_: (vector, {}) for id_, vector in zip(event.ids, event.vectors, strict=True)}

    def matching(self, filter: Payload) -> list[int]:
        """The ids whose payloads have these values."""
        hits = [id_ for id_, (_, payload) in self.rows.items() if filter.items() <= payload.items()]
        return sorted(hits)

    def expect(self, call: Call) -> Expected:
        """What a write must do now."""
        if call.name == "create_index":
            made = Expected((Event("create_index"),))
            return Expected(refused="index_already_initialized") if self.exists else made
        if call.name == "delete_index":
            return Expected((Event("delete_index"),) if self.exists else ())
        if not self.exists and call.name != "untag":
            return Expected(refused="index_not_initialized")
        expected: Expected = getattr(self, f"_{call.name}")(*call.args, **call.options)
        return expected

    def _insert(self, id: int, vector: Vector, metadata: Payload | None, if_absent: bool = False) -> Expected:
        if if_absent and id in self.rows:
            return Expected(refused="precondition_failed")
        event = Event("upsert", (id,), (vector,), (metadata,))
        return Expected((event,), may_be_refused="precondition_failed" if if_absent else "")

    _upsert = _insert

    def _delete(self, id: int) -> Expected:
        return Expected((Event("delete", (id,)),) if id in self.rows else ())

    def _set_payload(self, id: int, payload: Payload, if_match: int | None = None) -> Expected:
        if id not in self.rows:
            return Expected(refused="not_found")
        if if_match is not None and if_match < self.changed.get(id, 0):
            return Expected(refused="precondition_failed")
        may_be = "" if if_match is None else "precondition_failed"
        return Expected((Event("set_payload", (id,), (), (payload,)),), may_be_refused=may_be)

    def _merge_payload(self, id: int, partial: Payload) -> Expected:
        if id not in self.rows:
            return Expected(refused="not_found")
        return Expected((Event("merge_payload", (id,), (), (partial,)),))

    def _insert_batch(
        self,
        items: Sequence[tuple[int, Vector, Payload | None]],
        chunk_size: int,
        on_existing: str = "replace",
    ) -> Expected:
        chunks = [list(items[first : first + chunk_size]) for first in range(0, len(items), chunk_size)]
        if on_existing == "skip":
            there = set(self.rows)
            chunks = [[item for item in chunk if _is_new(item[0], there)] for chunk in chunks]
        events = [Event("upsert", *map(tuple, zip(*chunk, strict=True))) for chunk in chunks if chunk]
        return Expected(tuple(events), sum(map(len, chunks)))

    def _delete_many(self, ids: Sequence[int] | None = None, filter: Payload | None = None) -> Expected:
        found = self.matching(filter or {}) if ids is None else sorted(self.rows.keys() & set(ids))
        return Expected((Event("delete", tuple(found)),) if found else (), len(found))

    def _merge_many(
        self, partial: Payload, ids: Sequence[int] | None = None, filter: Payload | None = None
    ) -> Expected:
        found = self.matching(filter or {}) if ids is None else sorted(self.rows.keys() & set(ids))
        return Expected(tuple(Event("merge_payload", (id_,), (), (partial,)) for id_ in found), len(found))

    def _bulk_build(self, vectors: Sequence[Vector]) -> Expected:
        if self.rows:
            return Expected(refused="index_not_empty")
        return Expected((Event("bulk_load", tuple(range(len(vectors))), tuple(vectors)),))

    def _tag(self, name: str) -> Expected:
        return Expected(refused="tag_exists" if name in self.tags else "")

    def _untag(self, name: str) -> Expected:
        return Expected(refused="" if name in self.tags else "no_tag")


def _is_new(id: int, there: set[int]) -> bool:
    """Whether the id is not there yet; then it is."""
    is_new = id not in there
    there.add(id)
    return is_new


def merged(old: Payload, patch: Payload) -> Payload:
    """A merge-patch of flat objects."""
    new = {**copy.deepcopy(old), **patch}
    return {name: value for name, value in new.items() if value is not None}
