"""A run of the real engine that does a little of everything, and what its callers were told.

Steps follow one another. The calls within a step run at the same time and change different ids, so their
order does not matter. ``Told`` knows which contents a store may have after a crash: all calls that were
acknowledged, and any subset of the others of the current step, each of them whole.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import anyio
import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.collections import Collections
from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.model.ids import Id
from asteroid_cloud.indexer.model.merge_patch import Json, apply_patch
from tests.promises.power.mixed import MixedCalls
from tests.promises.power.stored import DIM, Stored
from tests.support.engines import keys, vectors
from tests.support.names import NASTY

IDS = 60
OPTIONS = EngineOptions(
    seal_rows=24,
    segments_max=2,
    idle_seal_s=600,
    idle_flush_s=600,
    ef_construction=20,
    links_max=4,
)

NAMES = [*NASTY, *(f"{number}é" for number in range(IDS - len(NASTY)))]
"""Ids that are strings, as many."""
BARE_SHARE = 0.3
Change = Callable[[Stored], Stored]
Do = Callable[[Engine], Awaitable[object]]


class Call:
    """One call: how to make it, and what it changes."""

    def __init__(self, number: int, do: Do, change: Change, is_write: bool = True) -> None:
        self.number = number
        self.is_write = is_write
        self.do = do
        self.change = change


class Script:
    """The steps of one seed."""

    def __init__(
        self,
        seed: int,
        steps: int = 60,
        bulk_at: int | None = None,
        *,
        with_history: bool = True,
        is_plain: bool = False,
    ) -> None:
        """``with_history``: it makes tags, removes one, and purges.

        ``is_plain``: ids are integers, each row has a vector, and no call looks before it writes.
        """
        self.ids, self.vector = ("integer", "required") if is_plain else kinds_of(seed)
        self.pool: list[Id] = [*NAMES] if self.ids == "string" else [*range(IDS)]
        self._random = random.Random(seed)
        self._drawn = seed * 100_000
        self._mixed_calls = MixedCalls(self._random, self.pool)
        self._calls = 0
        self.steps: list[list[Call]] = [[self._create()]]
        self._expected = self.steps[0][0].change(Stored(None))
        kinds = [self._writes, self._deletes, self._patches, self._flush_and_write]
        kinds += [] if is_plain else [self._mixed, self._each]
        often = [7, 2, 3, 2, 3, 1][: len(kinds)]
        for step in range(1, steps):
            if step == (steps * 2 // 3 if bulk_at is None else bulk_at):
                self._add([self._tag("before")] if with_history else [])
                for calls in ([self._delete_index()], [self._create()], [self._bulk(), self._flush()]):
                    self._add(calls)
                self._add([self._purge()] if with_history else [])
            elif with_history and step in (steps // 4, steps // 2):
                is_tagged = any(name == "once" for name, _, _ in self._expected.tags)
                self._add([self._untag("once") if is_tagged else self._tag("once")])
            else:
                self._add(self._random.choices(kinds, often)[0]())
        self._add([self._flush()])

    def _add(self, step: list[Call]) -> None:
        for call in step:
            self._expected = call.change(self._expected)
        if step:
            self.steps.append(step)

    def _call(self, do: Do, change: Change, is_write: bool = True) -> Call:
        self._calls += 1
        return Call(self._calls, do, change, is_write)

    def _flush(self) -> Call:
        return self._call(lambda engine: engine.flush(), lambda stored: stored, is_write=False)

    def _tag(self, name: str) -> Call:
        return self._call(
            lambda engine: engine.tag(name), lambda stored: stored.with_tag(name), is_write=False
        )

    def _untag(self, name: str) -> Call:
        return self._call(
            lambda engine: engine.untag(name), lambda stored: stored.without_tags(), is_write=False
        )

    def _purge(self) -> Call:
        return self._call(lambda engine: engine.purge(), lambda stored: stored.without_tags(), is_write=False)

    def _create(self) -> Call:
        return self._call(
            lambda engine: engine.create_index(DIM, "l2", ids=self.ids, vector=self.vector),
            lambda stored: Stored({}, stored.tags),
        )

    def _delete_index(self) -> Call:
        return self._call(lambda engine: engine.delete_index(), lambda stored: Stored(None, stored.tags))

    def _flush_and_write(self) -> list[Call]:
        return [self._flush(), *self._writes()]

    def _rows(self, count: int) -> tuple[NDArray[np.float32], list[bytes | None]]:
        self._drawn += 1
        texts = [self._random.choice([None, b"", b'{"v":%d}' % self._drawn]) for _ in range(count)]
        return vectors(count, DIM, self._drawn), texts

    def _writes(self) -> list[Call]:
        ids = self._random.sample(self.pool, self._random.randint(3, 15))
        share = max(1, len(ids) // self._random.choice([1, 1, 2, 3]))
        return [self._write(ids[first : first + share]) for first in range(0, len(ids), share)]

    def _write(self, ids: list[Id]) -> Call:
        drawn, texts = self._rows(len(ids))
        is_bare = [self.vector == "optional" and self._random.random() < BARE_SHARE for _ in ids]
        held = [b"" if none else row.tobytes() for none, row in zip(is_bare, drawn, strict=True)]

        def change(stored: Stored) -> Stored:
            rows = stored.rows or {}
            old = [rows.get(id_, (b"", b""))[1] for id_ in ids]
            kept = [was if text is None else text for was, text in zip(old, texts, strict=True)]
            return stored.with_rows(dict(zip(ids, zip(held, kept, strict=True), strict=True)))

        bare, there = np.array(is_bare) if any(is_bare) else None, drawn[np.logical_not(is_bare)]
        return self._call(lambda engine: engine.upsert(keys(ids), there, list(texts), bare=bare), change)

    def _mixed(self) -> list[Call]:
        there = list(self._expected.rows or {})
        self._drawn += 1
        return [self._call(*self._mixed_calls.mixed(there, self._drawn, self.vector))]

    def _each(self) -> list[Call]:
        self._drawn += 1
        return [self._call(*self._mixed_calls.each(self._drawn, self.vector))]

    def _deletes(self) -> list[Call]:
        ids = self._random.sample(self.pool, self._random.randint(1, 12))
        return [
            self._call(
                lambda engine: engine.delete(keys(ids)),
                lambda stored: stored.with_rows(dict.fromkeys(ids)),
            )
        ]

    def _patches(self) -> list[Call]:
        there = list(self._expected.rows or {})
        return [self._patch(id_) for id_ in self._random.sample(there, min(len(there), 2))]

    def _patch(self, id_: Id) -> Call:
        value = self._random.randrange(1000)
        if value % 2:
            text = b'{"set":%d}' % value
            return self._call(
                lambda engine: engine.replace_payload(id_, text),
                lambda stored: stored.with_payload(id_, lambda _: text),
            )
        patch: Json = {"m": value, "v": None}

        def patched(old: bytes) -> bytes:
            return msgspec.json.encode(apply_patch(msgspec.json.decode(old) if old else {}, patch))

        return self._call(
            lambda engine: engine.merge_payload(id_, msgspec.json.encode(patch)),
            lambda stored: stored.with_payload(id_, patched),
        )

    def _bulk(self) -> Call:
        drawn, texts = self._rows(40)

        async def load(engine: Engine) -> None:
            async with engine.bulk() as loader:
                await loader.rows(drawn)
                if loader.needs_ids:
                    await loader.ids(0, NAMES[: len(drawn)])
                await loader.payloads(0, texts)
                await loader.commit(1)

        given = zip(drawn, texts, strict=True)
        rows = {self.pool[n]: (vector.tobytes(), text or b"") for n, (vector, text) in enumerate(given)}
        return self._call(load, lambda stored: Stored(dict(rows), stored.tags))


def kinds_of(seed: int) -> tuple[str, str]:
    """What the ids of a seed are, and whether its rows need a vector: four seeds have all that there is."""
    return ("integer" if seed % 2 else "string"), ("optional" if seed % 4 > 1 else "required")


class Told:
    """What callers asked for and were told up to one moment, and which contents a store may have then."""

    def __init__(self, steps: Sequence[Sequence[Any]], before: Any) -> None:
        """``before`` is what there is before the first call; the calls of ``steps`` change it."""
        self._steps = iter(steps)
        self._step: Sequence[Any] = []
        self._before = before
        self._begun: set[int] = set()
        self._done: set[int] = set()
        self._allowed: set[Any] | None = None

    def take(self, kind: str, number: int) -> None:
        """A note of a recording: ``begin`` or ``ack`` of a call."""
        if kind not in ("begin", "ack"):
            return
        if kind == "begin" and number not in {call.number for call in self._step}:
            for call in self._step:
                if call.number in self._done:
                    self._before = call.change(self._before)
            self._step = next(self._steps)
            self._begun, self._done = set(), set()
        (self._begun if kind == "begin" else self._done).add(number)
        self._allowed = None

    @property
    def allowed(self) -> set[Any]:
        """The contents that a store may have after a crash at this moment."""
        if self._allowed is None:
            self._allowed = {stored.contents() for stored in self._choices()}
        return self._allowed

    def _choices(self) -> Iterator[Any]:
        sure = [call for call in self._step if call.number in self._done]
        open_ = [call for call in self._step if call.number in self._begun - self._done]
        for count in range(len(open_) + 1):
            for chosen in combinations(open_, count):
                stored = self._before
                for call in (*sure, *chosen):
                    stored = call.change(stored)
                yield stored


async def run(
    steps: Sequence[Sequence[Any]], to: Engine | Collections, note: Callable[[str, int], None]
) -> None:
    """Makes the calls; raises the error of the first that fails."""

    async def make(call: Any) -> None:
        note("begin", call.number)
        await call.do(to)
        note("ack", call.number)

    for step in steps:
        async with anyio.create_task_group() as group:
            for call in step:
                group.start_soon(make, call)
