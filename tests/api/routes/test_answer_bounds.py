"""Answers have a bound: too large a one is refused before it is held, and a page ends early."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.exchange import sending
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.routes import batches
from asteroid_cloud.api.service.memory import answers
from asteroid_cloud.query.records import scroll
from asteroid_cloud.wal.limits import KIB, MIB
from tests.support.asgi import Answer, app_over, ask, scope_of

pytestmark = pytest.mark.anyio
DIM, ROWS = 16, 120
TEXT = "x" * (8 * KIB)
SMALL_ANSWER = 512 * KIB
"""What an answer may have in these tests: about 60 rows with their payloads."""


@pytest.fixture(params=["memtable", "segments"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """120 rows of 8 KiB, half a MiB of which fit in an answer."""
    async with api.open(tmp_path / "data", dim=DIM) as store:
        vectors = np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM)
        items = [(id, vectors[id], {"text": TEXT, "n": id}) for id in range(ROWS)]
        await store.insert_batch(items)
        if request.param == "segments":
            await store.flush()
        yield store


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a hundred rows reach."""
    monkeypatch.setattr(answers, "ANSWER_BYTES_MAX", SMALL_ANSWER)
    monkeypatch.setattr(batches, "PAGE_BYTES_MAX", SMALL_ANSWER // 2)


def gate_of(store: Store, **settings: Any) -> RequestGuard:
    """The application over a store."""
    return app_over(Settings(data=store.path, **settings), store)


async def post(gate: RequestGuard, path: str, body: object) -> Answer:
    """Sends JSON."""
    return await ask(gate, "POST", path, [json.dumps(body).encode()])


SEARCH = {"vector": [0.0] * DIM, "include": ["payload"]}
TOO_LARGE = [
    pytest.param("/v1/search", SEARCH | {"k": ROWS}, "k", id="search"),
    pytest.param("/v1/search/batch", {"searches": [SEARCH | {"k": 40}] * 2}, "searches", id="batch"),
    pytest.param("/v1/search/batch", {"searches": [SEARCH | {"k": 1}] * 100}, "searches", id="small ones"),
    pytest.param("/v1/vectors/fetch", {"ids": list(range(ROWS)), "include": ["payload"]}, "ids", id="fetch"),
    pytest.param(
        "/v1/vectors/fetch", {"ids": [5] * 100, "include": ["payload"]}, "ids", id="one row many times"
    ),
    pytest.param("/v1/vectors/fetch", {"ids": [5] * 10_000, "include": ["vector"]}, "ids", id="many vectors"),
]


@pytest.mark.parametrize(("path", "body", "named"), TOO_LARGE)
async def test_row_16_too_large_an_answer_is_refused_and_says_what_to_lower(
    store: Store, path: str, body: object, named: str
) -> None:
    gate = gate_of(store)
    told = (await post(gate, path, body)).check_refused(413, "answer_too_large")
    assert named in told["error"]
    assert told["limit"] == SMALL_ANSWER
    assert gate.answers.used == 0
    assert (await post(gate, "/v1/search", SEARCH | {"k": 3})).status == 200


async def test_row_16_it_is_refused_before_the_payloads_of_all_hits_are_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take = answers.AnswerRoom.take

    def noting(room: answers.AnswerRoom, size: int) -> None:
        take(room, size)
        taken.append(size)

    monkeypatch.setattr(answers.AnswerRoom, "take", noting)
    body = {"searches": [SEARCH | {"k": 50}] * 200}  # 80 MiB
    (await post(gate_of(store), "/v1/search/batch", body)).check_refused(413, "answer_too_large")
    assert sum(taken) <= SMALL_ANSWER


async def test_row_16_an_answer_of_just_the_bound_is_whole(store: Store) -> None:
    gate = gate_of(store)
    answer = await post(gate, "/v1/search", SEARCH | {"k": 60, "explain": True})
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"]) > 256 * KIB
    assert [hit["payload"]["n"] for hit in answer.json["results"]] == list(range(60))
    assert answer.json["explain"]["matches"] == ROWS
    assert gate.answers.used == 0


@pytest.mark.parametrize("slice_rows", [1, 7, 4_096])
async def test_row_16_pages_come_shorter_with_a_cursor(
    store: Store, monkeypatch: pytest.MonkeyPatch, slice_rows: int
) -> None:
    monkeypatch.setattr(scroll, "SLICE_ROWS_MAX", slice_rows)
    monkeypatch.setattr(scroll, "SLICE_ROWS_MIN", 1)
    monkeypatch.setattr(scroll, "SLICE_BYTES_MAX", 100 * KIB)
    gate, seen, cursor, pages = gate_of(store), list[int](), None, 0
    while pages == 0 or cursor is not None:
        body = {"limit": 1_000, "cursor": cursor, "include": ["payload", "vector"]}
        answer = await post(gate, "/v1/vectors/scroll", body)
        assert answer.status == 200, answer.body
        assert len(answer.body) <= SMALL_ANSWER // 2 + KIB
        rows = answer.json["vectors"]
        assert 0 < len(rows) < 40
        assert all(row["payload"] == {"text": TEXT, "n": row["id"]} for row in rows)
        seen += [row["id"] for row in rows]
        cursor, pages = answer.json["cursor"], pages + 1
    assert seen == list(range(ROWS))
    assert pages == 4


async def test_row_16_a_row_larger_than_a_page_is_a_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAGE_BYTES_MAX", 100)
    body = {"limit": 10, "include": ["payload"]}
    answer = await post(gate_of(store), "/v1/vectors/scroll", body)
    assert [row["id"] for row in answer.json["vectors"]] == [0]
    assert answer.json["cursor"] is not None


async def test_row_16_answers_under_way_share_a_budget(store: Store) -> None:
    gate = gate_of(store, answer_budget="1MiB")
    others = answers.AnswerRoom(gate.answers)
    others.hold(MIB - 100 * KIB)
    refused = await post(gate, "/v1/search", SEARCH | {"k": 20})
    refused.check_refused(503, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await post(gate, "/v1/search", SEARCH | {"k": 5})).status == 200
    assert (await ask(gate, "GET", "/health")).status == 200
    others.release()
    assert (await post(gate, "/v1/search", SEARCH | {"k": 20})).status == 200
    assert gate.answers.used == 0


async def test_row_16_an_answer_is_held_until_it_is_read_and_a_reader_that_stops_is_cut(
    store: Store,
) -> None:
    gate = gate_of(store, answer_stall_s=0.05)
    held: list[int] = []
    cut: list[bool] = []

    async def receive() -> dict[str, Any]:
        body = json.dumps(SEARCH | {"k": 60}).encode()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        held.append(gate.answers.used)
        if len(held) == 3:
            await anyio.sleep_forever()

    scope = scope_of("POST", "/v1/search", {"Content-Length": "1"})
    scope["asteroid.cut"] = lambda: cut.append(True)
    with anyio.fail_after(30):
        await gate(scope, receive, send)  # type: ignore[arg-type]
    assert held[0] > 400 * KIB
    assert 0 < held[2] < held[1]
    assert cut == [True]
    assert gate.answers.used == gate._metrics.in_flight == 0


async def test_row_16_a_reader_that_trickles_is_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0

    class Clock:
        def monotonic(self) -> float:
            nonlocal now_s
            now_s += 5.0  # five seconds pass from each look to the next
            return now_s

    monkeypatch.setattr(sending, "time", Clock())
    monkeypatch.setattr(sending, "ANSWER_PIECE_BYTES", KIB)
    gate = gate_of(store, answer_stall_s=30.0)
    got: list[bytes] = []

    async def receive() -> dict[str, Any]:
        body = json.dumps({"ids": list(range(30)), "include": ["payload"]}).encode()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        await anyio.sleep(0)
        got.append(message.get("body", b""))

    scope = scope_of("POST", "/v1/vectors/fetch", {"Content-Length": "1"})
    with anyio.fail_after(30):
        await gate(scope, receive, send)  # type: ignore[arg-type]
    assert 3 < len(got) < 12
    assert gate.answers.used == 0


async def test_row_16_facets_have_the_bound_too(store: Store) -> None:
    for id in range(10):
        await store.insert(1_000 + id, [0.0] * DIM, {"key": f"{id}" + "x" * 60_000})
    answer = await post(gate_of(store), "/v1/facets", {"field": "key", "limit": 10})
    answer.check_refused(413, "answer_too_large")
    assert (await post(gate_of(store), "/v1/facets", {"field": "key", "limit": 1})).status == 200
