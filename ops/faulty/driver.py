"""Sends calls through the proxy, one after another, and holds each against the model and the log."""

from __future__ import annotations

import inspect
from collections import Counter
from random import Random
from typing import Any

import anyio
from anyio import to_thread

from asteroid_cloud.client import AsteroidError, AsyncClient, Client
from ops.faulty.answers import is_right, leaves_unknown
from ops.faulty.calls import WRITES, Calls
from ops.faulty.model import Call, Event, Expected, Model
from ops.faulty.proxy import FaultyProxy

RETURNS_COUNTS = ("insert_batch", "delete_many", "merge_many")
OUTSIDE = ("tag", "untag")
"""What no record of the feed tells."""


class Wrong(Exception):
    """A call was done twice, or not told as it was."""


async def called(client: AsyncClient | Client, call: Call) -> Any:
    """What the call gives; a walk as a list."""
    method = getattr(client, call.name)
    if isinstance(client, Client):
        return await to_thread.run_sync(lambda: _listed(method(*call.args, **call.options)))
    made = method(*call.args, **call.options)
    return [each async for each in made] if inspect.isasyncgen(made) else await made


def _listed(answer: Any) -> Any:
    return list(answer) if inspect.isgenerator(answer) else answer


class Driver:
    """The calls of one client, or of several in turn."""

    def __init__(
        self, clients: list[AsyncClient | Client], direct: AsyncClient, proxy: FaultyProxy, seed: int
    ) -> None:
        """``clients`` go through the proxy; ``direct`` looks at the server itself."""
        self.outcomes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self._clients = clients
        self._direct = direct
        self._proxy = proxy
        self._rng = Random(seed)
        self._model = Model()
        self._calls = Calls(self._rng, self._model)

    async def run(self, calls: int) -> None:
        """Makes so many calls, and compares all that is stored at the end; raises Wrong."""
        for _ in range(calls):
            call = self._calls.next()
            self.kinds[call.name] += 1
            try:
                outcome = await (self._write(call) if call.name in WRITES else self._read(call))
            except Wrong as wrong:
                raise Wrong(f"call {self.kinds.total()}, {call}: {wrong}") from wrong
            self.outcomes[outcome] += 1
        await to_thread.run_sync(self._proxy.deliver)
        if await self._logged():
            raise Wrong("a copy that came late was done")
        await self._compare()

    async def _write(self, call: Call) -> str:
        expected, answer, error = self._model.expect(call), None, None
        try:
            answer = await called(self._rng.choice(self._clients), call)
        except AsteroidError as raised:
            error = raised
        unknown = error is not None and leaves_unknown(error)
        if unknown:
            await to_thread.run_sync(self._proxy.deliver)
        done = in_order(call, await self._logged())
        if call.name in OUTSIDE:
            return await self._settle_tag(call, expected, error, unknown)
        for event, lsn in done:
            self._model.apply(event, lsn)
        events = [event for event, _ in done]
        if error is None:
            self._check_success(call, expected, answer, done)
            return "done"
        if unknown:
            self._check_unknown(expected, events, error)
            return "unknown, and done" if events else "unknown, and not done"
        self._check_refusal(expected, events, error)
        return "refused"

    async def _read(self, call: Call) -> str:
        try:
            answer = await called(self._rng.choice(self._clients), call)
        except AsteroidError as error:
            if leaves_unknown(error):
                return "read failed"
            is_absent = error.code == "not_found" and call.args[0] not in self._model.rows
            if not is_absent and (self._model.exists or error.code != "index_not_initialized"):
                raise Wrong(f"{error.code}: {error.message}") from error
            return "read refused"
        if not is_right(self._model, call, answer):
            raise Wrong(f"answered {answer!r:.300}, the store holds {self._model.rows}")
        return "read"

    def _check_success(
        self, call: Call, expected: Expected, answer: Any, done: list[tuple[Event, int]]
    ) -> None:
        events = [event for event, _ in done]
        if expected.refused or events != list(expected.events):
            raise Wrong(f"told as done; expected {expected}, the log has {events}")
        if call.name in RETURNS_COUNTS and answer != expected.count:
            raise Wrong(f"told of {answer}, expected {expected.count}")
        if done and answer.lsn != max(lsn for _, lsn in done):
            raise Wrong(f"told of record {answer.lsn}, the log has {done}")

    def _check_unknown(self, expected: Expected, events: list[Event], error: AsteroidError) -> None:
        if events != list(expected.events[: len(events)]):
            raise Wrong(f"{error!r}, but expected {expected}, the log has {events}")
        told, sizes = error.details.get("inserted"), [len(event.ids) for event in events]
        if told is not None and told not in (sum(sizes), sum(sizes[:-1])):
            raise Wrong(f"told of {told} items, the log has {sizes}")

    def _check_refusal(self, expected: Expected, events: list[Event], error: AsteroidError) -> None:
        if events or error.code not in (expected.refused, expected.may_be_refused) or not error.code:
            raise Wrong(f"refused with {error.code}; expected {expected}, the log has {events}")

    async def _settle_tag(
        self, call: Call, expected: Expected, error: AsteroidError | None, unknown: bool
    ) -> str:
        names, (name,) = {tag.name for tag in await self._direct.tags()}, call.args
        would_be = self._model.tags | {name} if call.name == "tag" else self._model.tags - {name}
        code = "" if error is None else error.code
        if unknown and names in (self._model.tags, would_be):
            self._model.tags = names
            return "unknown"
        if code != expected.refused or names != (self._model.tags if code else would_be):
            raise Wrong(f"told {code or 'it is done'}; expected {expected}, the tags are {names}")
        self._model.tags = names
        return "refused" if code else "done"

    async def _logged(self) -> list[tuple[Event, int]]:
        """What was logged since the last look, and the LSN of each."""
        found: list[tuple[Event, int]] = []
        since, include = self._model.lsn, ["payload", "vector"]
        async for change in self._direct.changes(since, include=include, follow=False):
            event = event_of(change)
            if found and found[-1][1] == change.lsn:  # a piece of the same record
                event = joined(found.pop()[0], event)
            found.append((event, change.lsn))
        return found

    async def _compare(self) -> None:
        if not self._model.exists:
            return
        stored = {row.id: row async for row in self._direct.scroll(include=["payload", "vector"])}
        if stored.keys() != self._model.rows.keys():
            raise Wrong(f"the store has {sorted(stored)}, the model {sorted(self._model.rows)}")
        for id_, row in stored.items():
            await anyio.lowlevel.checkpoint()
            if not is_right(self._model, Call("get", (id_,)), row) or row.payload != self._model.rows[id_][1]:
                raise Wrong(f"row {id_} is {row}, in the model {self._model.rows[id_]}")


def joined(first: Event, second: Event) -> Event:
    """Two pieces of a record as one."""
    vectors, payloads = first.vectors + second.vectors, first.payloads + second.payloads
    return Event(first.kind, first.ids + second.ids, vectors, payloads)


def in_order(call: Call, done: list[tuple[Event, int]]) -> list[tuple[Event, int]]:
    """The records of a call by filter, which come segment by segment, as the model has them: by id."""
    if call.name == "delete_many" and done and {event.kind for event, _ in done} == {"delete"}:
        return [(Event("delete", tuple(sorted(id_ for event, _ in done for id_ in event.ids))), done[-1][1])]
    if call.name == "merge_many":
        return sorted(done, key=lambda each: each[0].ids)
    return done


def event_of(change: Any) -> Event:
    """A change of the feed as the model has it."""
    ids = tuple(change.ids or ())
    if change.kind == "delete":
        return Event("delete", tuple(sorted(ids)))
    if change.kind in ("create_index", "delete_index"):
        return Event(change.kind)
    vectors = tuple(map(tuple, change.vectors or ()))
    payloads = () if change.kind == "bulk_load" else tuple(change.payloads or [None] * len(ids))
    return Event(change.kind, ids, vectors, payloads)
