"""A write with a key is done once: the same again is answered again, whatever happened since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import MATCHES_A_BATCH_MAX
from asteroid_cloud.api.routes.once.again import AGAIN
from asteroid_cloud.api.routes.table import ROUTES
from asteroid_cloud.api.service.backups import Backups
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.wal.errors import NoSpace
from tests.support.asgi import app_over
from tests.support.asking import DIM, Http

pytestmark = pytest.mark.anyio
KIND = {"Content-Type": "application/json"}
VECTOR = [1.0, 2.0, 3.0, 4.0]
BULK = {"X-Asteroid-N": "2", "X-Asteroid-Dim": str(DIM)}
ROWS = bytes(4 * 2 * DIM)


def keyed(key: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": key, **more}


@asynccontextmanager
async def served(folder: Path, dim: int | None = DIM, **options: Any) -> AsyncIterator[tuple[Store, Http]]:
    async with api.open(folder / "data", dim=dim, **options) as store:
        store.served.backups = Backups(store.engine, str(folder / "backups"))
        app = app_over(Settings(data=store.path), store)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the application's own ASGI types
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=KIND
        ) as client:
            yield store, Http(client)


WRITES: dict[str, tuple[str, str, object, dict[str, str]]] = {
    "create_index": ("PUT", "/v1/index", {"dim": DIM, "metric": "L2"}, {}),
    "insert": ("POST", "/v1/vectors", {"id": "1", "vector": VECTOR}, {"If-None-Match": "*"}),
    "upsert": ("PUT", "/v1/vectors/2", {"vector": VECTOR}, {}),
    "set_payload": ("PUT", "/v1/vectors/2/payload", {"a": 1}, {}),
    "merge_payload": ("PATCH", "/v1/vectors/2/payload", {"b": 1}, {}),
    "insert_batch": ("POST", "/v1/vectors/batch", {"items": [{"id": 3, "vector": VECTOR}] * 2}, {}),
    "merge_many": ("POST", "/v1/vectors/patch", {"ids": [1, 2, 9], "patch": {"c": 1}}, {}),
    "set": ("POST", "/v1/vectors/set", {"ids": [1, 2, 9], "set": {"d": 1}, "unset": ["b"]}, {}),
    "write": ("POST", "/v1/write", {"deletes": [3], "upserts": [{"id": 4, "vector": VECTOR}] * 2}, {}),
    "delete": ("DELETE", "/v1/vectors/1", None, {}),
    "set_text": ("PUT", "/v1/text", {"fields": {"a": {}}}, {}),
    "delete_text": ("DELETE", "/v1/text", None, {}),
    "delete_many": ("POST", "/v1/vectors/delete", {"filter": {"c": 1}}, {}),
    "create_collection": ("PUT", "/v1/collections/books", {"dim": DIM}, {}),
    "set_alias": ("PUT", "/v1/aliases/live", {"collection": "books"}, {}),
    "delete_alias": ("DELETE", "/v1/aliases/live", None, {}),
    "delete_collection": ("DELETE", "/v1/collections/books", None, {}),
    "tag": ("POST", "/v1/tags", {"name": "t"}, {}),
    "untag": ("DELETE", "/v1/tags/t", None, {}),
    "backup": ("POST", "/v1/backup", {"name": "b"}, {}),
    "purge": ("POST", "/v1/purge", None, {}),
    "delete_index": ("DELETE", "/v1/index", None, {}),
    "bulk_build": ("POST", "/v1/build/bulk", ROWS, BULK),
}
"""One of each, to be done in this order; before the last an index is made."""


def test_every_write_can_come_again() -> None:
    writes = {
        route.operation for route in ROUTES if route.scope in ("write", "admin") and route.method != "GET"
    }
    assert AGAIN.keys() == WRITES.keys() == writes - {"flush"}


async def do(http: Http, operation: str, key: str | None = None) -> tuple[int, Any, str | None]:
    """Status, body and LSN of the answer to one of ``WRITES``."""
    method, path, body, headers = WRITES[operation]
    content = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
    sent = headers | keyed(operation if key is None else key)
    got = await http.client.request(method, path, content=content, headers=sent)
    return got.status_code, got.content, got.headers.get("X-Asteroid-LSN")


async def test_each_write_is_done_once_and_answered_again_also_after_a_restart(tmp_path: Path) -> None:
    first = {}
    async with served(tmp_path, None) as (store, http):
        for operation in WRITES:
            if operation == "bulk_build":
                await http.send("PUT", "/v1/index", {"dim": DIM}, status=200)
            first[operation] = await do(http, operation)
            assert first[operation][0] < 300, first[operation]
        before = store.engine.durable_lsn
        for operation in WRITES:
            assert await do(http, operation) == first[operation]
        assert store.engine.durable_lsn == before
    async with served(tmp_path, None) as (store, http):
        for operation in WRITES:
            assert await do(http, operation) == first[operation]
        assert store.engine.durable_lsn == before


async def test_a_copy_that_comes_late_does_not_undo_what_came_since(http: Http) -> None:
    body = {"id": 1, "vector": VECTOR, "metadata": {"by": "first"}}
    told = await http.send("POST", "/v1/vectors", body, status=201, headers=keyed("a"))
    await http.send("PUT", "/v1/vectors/1/payload", {"by": "another"}, status=200)
    assert await http.send("POST", "/v1/vectors", body, status=201, headers=keyed("a")) == told
    assert await http.send("GET", "/v1/vectors/1/payload", status=200) == {"by": "another"}


async def test_a_conditional_write_that_comes_again_is_not_a_failed_condition(http: Http) -> None:
    await http.insert(1, VECTOR)
    headers = keyed("a", **{"If-Match": str(http.lsn)})
    told = await http.send("PUT", "/v1/vectors/1/payload", {"a": 1}, status=200, headers=headers)
    assert await http.send("PUT", "/v1/vectors/1/payload", {"a": 1}, status=200, headers=headers) == told


async def test_an_answer_that_nothing_was_done_stays_the_answer(http: Http) -> None:
    for number, (method, path, body, status, code) in enumerate(
        [
            ("PUT", "/v1/vectors/1/payload", {"a": 1}, 404, "not_found"),
            ("PUT", "/v1/index", {"dim": 4}, 409, "index_already_initialized"),
            ("POST", "/v1/vectors", {"id": 1, "vector": [1]}, 400, "wrong_dim"),
            ("DELETE", "/v1/tags/t", None, 404, "no_tag"),
        ]
    ):
        headers = keyed(f"refused {number}")
        told = await http.refused(method, path, body, status=status, code=code, headers=headers)
        await http.insert(1, VECTOR)
        assert await http.refused(method, path, body, status=status, code=code, headers=headers) == told
        await http.send("DELETE", "/v1/vectors/1", status=204)
    absent = keyed("absent", **{"If-None-Match": "*"})
    await http.insert(1, VECTOR)
    told = await http.refused(
        "POST",
        "/v1/vectors",
        {"id": 1, "vector": VECTOR},
        status=412,
        code="precondition_failed",
        headers=absent,
    )
    await http.send("DELETE", "/v1/vectors/1", status=204)
    again = await http.refused(
        "POST",
        "/v1/vectors",
        {"id": 1, "vector": VECTOR},
        status=412,
        code="precondition_failed",
        headers=absent,
    )
    assert again == told


async def test_a_delete_of_nothing_deletes_nothing_later(http: Http) -> None:
    await http.send("DELETE", "/v1/vectors/1", status=204, headers=keyed("one"))
    many = await http.send("POST", "/v1/vectors/delete", {"ids": [1]}, status=200, headers=keyed("many"))
    matching = await http.send(
        "POST", "/v1/vectors/delete", {"filter": {}}, status=200, headers=keyed("filter")
    )
    assert (many["deleted"], matching["deleted"]) == (0, 0)
    await http.insert(1, VECTOR)
    await http.send("DELETE", "/v1/vectors/1", status=204, headers=keyed("one"))
    assert many == await http.send(
        "POST", "/v1/vectors/delete", {"ids": [1]}, status=200, headers=keyed("many")
    )
    again = await http.send("POST", "/v1/vectors/delete", {"filter": {}}, status=200, headers=keyed("filter"))
    assert again == matching
    assert await http.found(vector=VECTOR) == [1]


@pytest.mark.parametrize(
    ("method", "path", "body", "more"),
    [
        ("POST", "/v1/vectors", {"id": 2, "vector": VECTOR}, {}),
        ("POST", "/v1/vectors", {"id": 1, "vector": VECTOR}, {"If-None-Match": "*"}),
        ("PUT", "/v1/vectors/1", {"id": 1, "vector": VECTOR}, {}),
        ("POST", "/v1/build/bulk", ROWS, BULK),
    ],
)
async def test_the_same_key_with_another_request_is_refused(
    http: Http, method: str, path: str, body: object, more: dict[str, str]
) -> None:
    await http.send("POST", "/v1/vectors", {"id": 1, "vector": VECTOR}, status=201, headers=keyed("a"))
    headers = keyed("a", **more)
    await http.refused(method, path, body, status=422, code="idempotency_mismatch", headers=headers)


@pytest.mark.parametrize("key", ["", "x" * 129, "tab\there", "\u00e9"])
async def test_a_bad_key_is_refused(http: Http, key: str) -> None:
    headers: Any = {"Idempotency-Key": key.encode("latin-1")}
    body = {"id": 1, "vector": VECTOR}
    await http.refused("POST", "/v1/vectors", body, status=400, code="bad_idempotency_key", headers=headers)
    assert await http.found(vector=VECTOR) == []
    await http.send("POST", "/v1/count", {}, status=200, headers=headers)


async def test_two_keys_are_refused(http: Http) -> None:
    got = await http.client.post(
        "/v1/vectors", content=b"{}", headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    )
    assert got.json()["code"] == "bad_idempotency_key"


async def test_attempts_at_the_same_time_are_one_write(store: Store, http: Http) -> None:
    before = store.engine.durable_lsn
    body = {"id": 1, "vector": VECTOR}
    told = await asyncio.gather(
        *(http.send("POST", "/v1/vectors", body, status=201, headers=keyed("a")) for _ in range(8))
    )
    assert len({each["lsn"] for each in told}) == 1
    assert store.engine.durable_lsn == before + 1


async def test_what_failed_for_want_of_room_may_be_tried_again(
    store: Store, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"id": 1, "vector": VECTOR}

    async def full(*_: object, **__: object) -> None:
        raise NoSpace("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("asteroid_cloud.wal.append.local_log.LocalLog.append", full)
        await http.refused("POST", "/v1/vectors", body, status=507, code="no_space", headers=keyed("a"))
    await http.send("POST", "/v1/vectors", body, status=201, headers=keyed("a"))
    assert await http.found(vector=VECTOR) == [1]


async def test_a_request_that_was_interrupted_tells_what_is_done_and_is_not_taken_up(tmp_path: Path) -> None:
    rows = MATCHES_A_BATCH_MAX + 500
    items = [{"id": number, "vector": VECTOR} for number in range(rows)]
    async with served(tmp_path) as (store, http):
        await http.send("POST", "/v1/vectors/batch", {"items": items}, status=201)
        log, appended = store.engine._writer.parts.log, 0

        async def stopping(*arguments: Any, **options: Any) -> Any:
            nonlocal appended
            appended += 1
            if appended > 1:
                raise NoSpace("the disk is full")
            return await type(log).append(log, *arguments, **options)

        log.append = stopping  # type: ignore[method-assign]
        every = {"filter": {}}
        told = await http.refused(
            "POST", "/v1/vectors/delete", every, status=507, code="no_space", headers=keyed("a")
        )
        assert told["deleted"] == MATCHES_A_BATCH_MAX
    async with served(tmp_path) as (store, http):
        told = await http.refused(
            "POST", "/v1/vectors/delete", every, status=409, code="request_interrupted", headers=keyed("a")
        )
        assert told["deleted"] == MATCHES_A_BATCH_MAX
        assert (await http.send("POST", "/v1/count", {}, status=200))["count"] == 500


async def test_deletes_in_several_records_are_answered_with_their_sum(http: Http) -> None:
    rows = 2 * MATCHES_A_BATCH_MAX + 1
    items = [{"id": number, "vector": VECTOR} for number in range(rows)]
    await http.send("POST", "/v1/vectors/batch", {"items": items}, status=201)
    every = {"filter": {}}
    told = await http.send("POST", "/v1/vectors/delete", every, status=200, headers=keyed("a"))
    assert told["deleted"] == rows
    await http.insert(7, VECTOR)
    assert await http.send("POST", "/v1/vectors/delete", every, status=200, headers=keyed("a")) == told
    assert await http.found(vector=VECTOR) == [7]


async def test_a_server_that_remembers_nothing_says_so(tmp_path: Path) -> None:
    options = EngineOptions(idempotency_keys=0)
    async with served(tmp_path) as (store, http):
        got = await http.client.get("/v1/index")
        assert got.headers["X-Asteroid-Idempotency"] == "86400"
        store.served.engine.options = options
        app = app_over(Settings(data=store.path, idempotency_keys=0), store)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the application's own ASGI types
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=KIND
        ) as client:
            body = {"id": 1, "vector": VECTOR}
            lsns = [
                (await Http(client).send("POST", "/v1/vectors", body, status=201, headers=keyed("a")))["lsn"]
                for _ in range(2)
            ]
            got = await client.get("/v1/index")
        assert lsns[0] < lsns[1]
        assert "X-Asteroid-Idempotency" not in got.headers
