"""The change feed over HTTP and inside a program: complete, resumable, bounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.routes import changes as routes_changes
from asteroid_cloud.client import AsyncClient, Change, Client, ConnectionFailed, NotFound, RetryPolicy
from asteroid_cloud.indexer.limits import FEED_CHUNK_BYTES
from ops.forked_server import ForkedServer
from tests.support.asgi import app_over, scope_of
from tests.support.asking import DIM, LSN_HEADER, ZEROS, Http
from tests.support.probe import open_feeds, use_up_feeds
from tests.support.schema_check import faults

pytestmark = pytest.mark.anyio


async def fill(http: Http) -> None:
    """Records 2 … 6; the first made the index."""
    await http.send(
        "POST", "/v1/vectors", {"id": 7, "vector": [1, 2, 3, 4], "metadata": {"a": 1}}, status=201
    )
    await http.send("POST", "/v1/vectors/batch", {"items": [{"id": 8, "vector": ZEROS}]}, status=201)
    await http.send("PUT", "/v1/vectors/7/payload", {"b": None}, status=200)
    await http.send("PATCH", "/v1/vectors/7/payload", {"b": 2}, status=200)
    await http.send("DELETE", "/v1/vectors/8", status=204)


async def lines(http: Http, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = await http.client.get(f"/v1/changes{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_the_feed_is_as_described(http: Http) -> None:
    await fill(http)
    document = (await http.client.get("/openapi.json")).json()
    call = document["paths"]["/v1/changes"]["get"]
    schema = call["responses"]["200"]["content"]["application/x-ndjson"]["schema"]
    told = await lines(http, "?include=payload,vector")
    assert [faults(line, schema, document["components"]["schemas"]) for line in told] == [[]] * 7
    assert [(line["lsn"], line["kind"]) for line in told] == [
        (1, "create_index"),
        (2, "upsert"),
        (3, "upsert"),
        (4, "set_payload"),
        (5, "merge_payload"),
        (6, "delete"),
        (6, "end"),
    ]
    assert {name: told[1][name] for name in ("ids", "payloads", "vectors")} == {
        "ids": [7],
        "payloads": [{"a": 1}],
        "vectors": [[1.0, 2.0, 3.0, 4.0]],
    }
    assert told[3]["payloads"] == [{"b": None}]
    assert "payloads" not in (await lines(http, "?since=1"))[0]
    assert [line["lsn"] for line in await lines(http, "?since=2&limit=2")] == [3, 4, 4]
    assert set(call["responses"]) >= {"200", "400", "410", "503"}


async def test_events_carry_where_to_resume(http: Http) -> None:
    await fill(http)
    wanted = {"Accept": "text/event-stream", "Last-Event-ID": "4"}
    answer = await http.client.get("/v1/changes?since=1", headers=wanted)
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers[LSN_HEADER] == "6"
    events = [event.split("\n") for event in answer.text.removesuffix("\n\n").split("\n\n")]
    assert [event[:2] for event in events] == [
        ["id: 5", "event: change"],
        ["id: 6", "event: change"],
        ["id: 6", "event: end"],
    ]
    assert json.loads(events[0][2].removeprefix("data: "))["kind"] == "merge_payload"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("since=x", "bad_since"),
        ("since=-1", "bad_since"),
        ("since=99", "bad_since"),
        ("since=" + "9" * 30, "bad_since"),
        ("limit=0", "bad_limit"),
        ("follow=maybe", "bad_follow"),
        ("heartbeat=0", "bad_heartbeat"),
        ("heartbeat=61", "bad_heartbeat"),
        ("include=distance", "bad_include"),
        ("from=1", "unknown_field"),
    ],
)
async def test_what_is_refused(http: Http, query: str, code: str) -> None:
    await http.refused("GET", f"/v1/changes?{query}", status=400, code=code)


async def test_a_feed_that_the_log_has_left_behind_is_told_at_once_and_midway(
    http: Http, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(http)
    encode = routes_changes.change_line

    def trimmed_meanwhile(change: Any, *more: Any) -> bytes:
        if change.lsn == 1:
            anyio.from_thread.run(store.engine.flush)
        return encode(change, *more)

    monkeypatch.setattr(routes_changes, "change_line", trimmed_meanwhile)
    monkeypatch.setattr("asteroid_cloud.indexer.feed.change_feed.FEED_CHUNK_BYTES", 1)
    told = await lines(http)
    assert told[0]["lsn"] == 1
    assert told[-1]["code"] == "changes_pruned"
    assert told[-1]["first_lsn"] == 7
    gone = await http.refused("GET", "/v1/changes?since=0", status=410, code="changes_pruned")
    assert gone["first_lsn"] == 7


async def test_there_are_never_too_many(http: Http, store: Store) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use_up_feeds(patch, store.engine)
        await http.refused("GET", "/v1/changes", status=503, code="too_many_feeds")
    assert await lines(http) == [
        {"lsn": 1, "kind": "create_index", "time_ms": (await lines(http))[0]["time_ms"]}
        | {"dim": DIM, "metric": "l2", "bits": 16},
        {"lsn": 1, "kind": "end"},
    ]


class Listener:
    """One client on the ASGI side, which decides how fast it takes what comes."""

    def __init__(self, store: Store, query: str) -> None:
        self.app: Any = app_over(Settings(data=store.path), store)
        self.scope = scope_of("GET", "/v1/changes", {}, query)
        self.taken: list[bytes] = []
        self.gone = anyio.Event()
        self.room = anyio.Semaphore(10**6)
        self._asked = False

    async def run(self) -> None:
        await self.app(self.scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.room.acquire()
        self.taken.append(message.get("body", b""))


async def test_a_client_that_goes_away_or_takes_nothing_frees_its_feed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes_changes, "FEED_STALL_S_MAX", 0.05)
    leaves, stalls = Listener(store, "follow=true"), Listener(store, "follow=true")
    stalls.room = anyio.Semaphore(1)  # it takes the head of the answer, then nothing
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(leaves.run)
            group.start_soon(stalls.run)
            while open_feeds(store.engine) != 1 or len(leaves.taken) < 2:
                await anyio.sleep(0.01)
            leaves.gone.set()
        assert open_feeds(store.engine) == 0


async def test_a_slow_reader_costs_a_bounded_piece_and_holds_no_writer_back(store: Store) -> None:
    slow = Listener(store, "follow=true&include=vector")
    slow.room = anyio.Semaphore(2)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(slow.run)
            for first in range(0, 100_000, 10_000):
                ids = np.arange(first, first + 10_000, dtype=np.uint64)
                await store.engine.upsert(ids, np.ones((10_000, DIM), np.float32), None)
            for _ in range(10**4):
                slow.room.release()
            while sum(body.count(b"\n") for body in slow.taken) < 11:
                await anyio.sleep(0.01)
            wanted = set(range(100_000))
            while wanted:
                got = b"".join(slow.taken).decode()
                wanted -= {id for line in got.splitlines() for id in json.loads(line).get("ids", ())}
                await anyio.sleep(0.01)
            slow.gone.set()
    assert max(map(len, slow.taken)) < 8 * FEED_CHUNK_BYTES  # numbers as text, beside their line


async def test_the_embedded_store_follows_itself(tmp_path: Path) -> None:
    async with api.open(tmp_path, dim=2) as store:
        seen: list[api.Change] = []

        async def follow() -> None:
            async for change in store.changes(1, include=["payload"], limit=3):
                seen.append(change)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(follow)
                await store.insert(1, [0, 1], {"a": 1})
                await store.merge_payload(1, {"a": None})
                await store.delete(1)
    assert [(change.kind, change["payloads"]) for change in seen] == [
        ("upsert", [{"a": 1}]),
        ("merge_payload", [{"a": None}]),
        ("delete", None),
    ]


def test_the_blocking_store_follows_itself(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=2) as store:
        store.insert(1, [0, 1])
        assert [change.kind for change in store.changes(follow=False)] == ["create_index", "upsert"]
        assert next(iter(store.changes(1))).kind == "upsert"


async def test_a_client_sees_every_change_once_though_the_server_is_killed(tmp_path: Path) -> None:
    seen: list[Change] = []
    with ForkedServer(tmp_path, "--keep-log") as server:
        policy = RetryPolicy(attempts_max=200, first_pause_s=0.05, pause_s_max=0.2)
        async with AsyncClient(base_url=server.url, retries=policy) as client:
            await client.create_index(2)
            first_half, done = anyio.Event(), anyio.Event()

            async def follow() -> None:
                async for change in client.changes(1, include=["vector"]):
                    seen.append(change)
                    if len(seen) == 20:
                        first_half.set()
                    if len(seen) == 40:
                        done.set()
                        return

            with anyio.fail_after(60):
                async with anyio.create_task_group() as group:
                    group.start_soon(follow)
                    for id in range(20):
                        await client.insert(id, [id, 0])
                    await first_half.wait()
                    await anyio.to_thread.run_sync(server.kill)
                    again = ForkedServer(tmp_path, port=int(server.url.rpartition(":")[2]))
                    await anyio.to_thread.run_sync(again.start)
                    for id in range(20, 40):
                        await client.insert(id, [id, 0])
                    await done.wait()
                    assert await anyio.to_thread.run_sync(again.stop) == 0
    assert [change.ids for change in seen] == [[id] for id in range(40)]
    assert [change.vectors for change in seen] == [[[float(id), 0.0]] for id in range(40)]


def test_a_server_ends_though_somebody_follows(tmp_path: Path) -> None:
    with ForkedServer(tmp_path) as server:
        with Client(base_url=server.url) as first:
            first.create_index(2)
            first.insert(1, [0, 1])
        client = Client(base_url=server.url, retries=RetryPolicy(attempts_max=1))
        following = client.changes(0)
        assert next(following).kind == "create_index"
        with httpx.stream("GET", f"{server.url}/v1/changes?follow=true", timeout=20) as other:
            received = other.iter_lines()
            assert [json.loads(next(received))["lsn"] for _ in range(2)] == [1, 2]
            assert server.stop() == 0
            assert list(received) == []  # no last line: it was cut off, and a reader knows
        assert next(following).ids == [1]
        with pytest.raises(ConnectionFailed):
            next(following)
        client.close()


def test_a_blocking_client_is_told_what_is_gone(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=2) as store:
        store.insert(1, [0, 1])
        store.flush()
    with ForkedServer(tmp_path) as server, Client(base_url=server.url) as client:
        assert list(client.changes(2, follow=False)) == []
        with pytest.raises(NotFound) as gone:
            next(client.changes(0))
    assert gone.value.code == "changes_pruned"
    assert gone.value.status == 410
    assert gone.value.details == {"first_lsn": 3}
