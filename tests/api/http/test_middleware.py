"""What every request must pass: size, patience, concurrency, and one shape for all errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http import bodies, middleware
from asteroid_cloud.api.http.all_routes import ALL_ROUTES
from asteroid_cloud.api.http.framework_errors import ErrorHandler
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import (
    BATCH_BODY_BYTES_MAX,
    BODIES_IN_FLIGHT_BYTES_MAX,
    BODY_BYTES_MAX,
    BODY_BYTES_PER_S_MIN,
)
from asteroid_cloud.api.routing.matcher import Matcher
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.wal.limits import MIB
from tests.support.asgi import DISCONNECT, app_over, ask, path_of, routes_of

pytestmark = pytest.mark.anyio

KEY = "the-key-of-the-test"
BODY_ROUTES = [
    (route.method, path_of(route)) for route in ALL_ROUTES if route.method in {"POST", "PUT", "PATCH"}
]
LIMITS = {path_of(route): route.body_bytes_max for route in ALL_ROUTES}
BULK = {"X-Asteroid-N": "1000", "X-Asteroid-Dim": "2"}
CHUNKED = {"Transfer-Encoding": "chunked"}
UNPARSABLE = [
    pytest.param(b"[" * 100_000, id="deep arrays"),
    pytest.param(b'{"a":' * 100_000, id="deep objects"),
    pytest.param(b'{"vector":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep vector"),
    pytest.param(b'{"filter":' + b'{"$not":' * 100_000 + b"{}" + b"}" * 100_001, id="deep filter"),
    pytest.param(b'{"metadata":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, id="deep metadata"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="deep and whole"),
    pytest.param(b'{"items":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep items"),
    pytest.param(b'{"id":1,"vector":[1,2],"metadata":{"a":"\xff\xfe"}}', id="invalid UTF-8 in metadata"),
    pytest.param(b'{"\xff":1}', id="invalid UTF-8 in a key"),
    pytest.param(b"\xff\xfe\x00", id="no text"),
    pytest.param(b'{"id":1,"vector":[1e39,0]}', id="overflow"),
    pytest.param(b'{"id":1,"vector":[1e999,0]}', id="infinity"),
    pytest.param(b'{"id":1,"vector":[NaN,0]}', id="NaN"),
    pytest.param(b'{"id":1,"vector":[1,2]', id="cut"),
    pytest.param(b'{"id":1,"vector":[1,2]}}', id="more than JSON"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="array"),
    pytest.param(b"7", id="number"),
    pytest.param(b'"text"', id="string"),
    pytest.param(b"\x00", id="NUL"),
    pytest.param(b'{"mistyped":1}', id="unknown field"),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of two dimensions."""
    async with api.open(tmp_path / "data", dim=2) as store:
        yield store


def gate_of(store: Store, **settings: Any) -> RequestGuard:
    """The application over a store."""
    return app_over(Settings(data=store.path, **settings), store)


async def test_every_route_that_takes_a_body_is_known_here(store: Store) -> None:
    taking = {route for route in routes_of(gate_of(store)) if route[0] in {"POST", "PUT", "PATCH"}}
    assert taking == set(BODY_ROUTES)


@pytest.mark.parametrize(("method", "path"), BODY_ROUTES)
async def test_a_body_over_its_limit_is_refused_by_its_header(store: Store, method: str, path: str) -> None:
    limit = LIMITS[path]
    headers = BULK | {"Content-Length": str(limit + 1)}
    answer = await ask(gate_of(store), method, path, [b"["], headers=headers, is_endless=True)
    assert answer.check_refused(413, "payload_too_large")["limit"] == limit
    assert answer.pieces_read == 0


@pytest.mark.parametrize(("method", "path"), [route for route in BODY_ROUTES if "bulk" not in route[1]])
async def test_a_body_without_a_length_is_counted(store: Store, method: str, path: str) -> None:
    pieces = [b" " * MIB] * (LIMITS[path] // MIB) + [b"  ", b"  ", b"  "]
    answer = await ask(gate_of(store), method, path, pieces, headers=CHUNKED)
    answer.check_refused(413, "payload_too_large")
    assert answer.pieces_read == len(pieces) - 2
    assert answer.headers["connection"] == "close"


async def test_a_bulk_body_without_a_length_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = [replace(route, body_bytes_max=10_000) if route.is_streamed else route for route in ALL_ROUTES]
    monkeypatch.setattr(middleware, "MATCHER", Matcher(routes))
    pieces = [bytes(800)] * 1_000
    answer = await ask(gate_of(store), "POST", "/v1/build/bulk", pieces, headers=CHUNKED | BULK)
    assert answer.status in (400, 413)
    assert answer.pieces_read <= 13
    assert (await store.stats()).vectors == 0


async def test_a_body_of_just_the_limit_passes(store: Store) -> None:
    text = b'{"id":1,"vector":[1,2]}'
    body = text + b" " * (BODY_BYTES_MAX - len(text))
    assert (await ask(gate_of(store), "POST", "/v1/vectors", [body])).status == 201
    assert (await ask(gate_of(store), "POST", "/v1/vectors", [body], headers=CHUNKED)).status == 201
    (await ask(gate_of(store), "POST", "/v1/vectors", [body, b" "])).check_refused(413, "payload_too_large")


@pytest.mark.parametrize(
    "length", ["-1", "1.5", "x", "", "0x10", "1" * 5_000, "٣".encode().decode("latin-1")]
)
async def test_a_length_must_be_a_number(store: Store, length: str) -> None:
    gate = gate_of(store)
    headers = {"Content-Length": length, "Content-Type": "application/json"}
    answer = await ask(gate, "POST", "/v1/vectors", headers=headers)
    answer.check_refused(400, "bad_request")
    assert gate._metrics.in_flight == gate._admission.held_bytes == 0


@pytest.mark.parametrize(("method", "path"), BODY_ROUTES)
@pytest.mark.parametrize("pieces", [[], [b'{"'] * 3])
async def test_a_body_that_stops_coming_is_cut(
    store: Store, method: str, path: str, pieces: list[bytes]
) -> None:
    gate = gate_of(store, body_timeout_s=0.01)
    headers = BULK | {"Content-Length": "8000"}
    answer = await ask(gate, method, path, pieces, headers=headers, is_endless=True)
    answer.check_refused(408, "body_timeout")
    assert answer.headers["connection"] == "close"
    assert gate._metrics.in_flight == gate._admission.held_bytes == 0


async def test_a_body_that_trickles_is_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0

    class Clock:
        def monotonic(self) -> float:
            nonlocal now_s
            now_s += 0.5  # half a second passes from each look to the next
            return now_s

    monkeypatch.setattr(bodies, "time", Clock())
    gate = gate_of(store, body_timeout_s=30.0)
    trickle = [b" "] * 1_000
    answer = await ask(gate, "POST", "/v1/vectors", trickle)
    answer.check_refused(408, "body_timeout")
    assert 50 < answer.pieces_read < 70
    steady = [b" " * BODY_BYTES_PER_S_MIN] * (BODY_BYTES_MAX // BODY_BYTES_PER_S_MIN - 1) + [
        b'{"id":1,"vector":[1,2]}'
    ]
    assert (await ask(gate, "POST", "/v1/vectors", steady)).status == 201


async def test_a_client_without_a_key_is_answered_before_its_body_and_takes_no_room(store: Store) -> None:
    gate = gate_of(store, api_key=KEY, concurrency=1)
    held = []

    async def note(*_: object) -> None:
        held.append(gate._admission.held_bytes)
        await anyio.sleep_forever()

    gate._app = note  # type: ignore[assignment]
    headers = {"Content-Length": "60000", "Authorization": f"Bearer {KEY}"}
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: ask(gate, "POST", "/v1/count", headers=headers))
        await anyio.wait_all_tasks_blocked()
        for sent in ({"Content-Length": "60000"}, CHUNKED):
            for _ in range(10):
                answer = await ask(gate, "POST", "/v1/vectors/batch", [b"x"], headers=sent, is_endless=True)
                answer.check_refused(401, "unauthorized")
                assert answer.pieces_read == 0
                assert answer.headers["connection"] == "close"
        assert gate._admission.held_bytes == held[0] == 60_000
        group.cancel_scope.cancel()


async def test_a_client_with_a_key_may_go_on_after_an_error(store: Store) -> None:
    gate = gate_of(store, api_key=KEY)
    answer = await ask(gate, "POST", "/v1/nowhere", [b"x"], headers={"Authorization": f"Bearer {KEY}"})
    answer.check_refused(404, "not_found")
    assert "connection" not in answer.headers


async def test_a_client_that_goes_away_is_no_bug_of_ours(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    for method, path in BODY_ROUTES:
        headers = BULK | {"Content-Length": "8000"}
        answer = await ask(gate_of(store), method, path, [b"[", DISCONNECT], headers=headers)
        assert answer.status == 400
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_requests_at_once_are_bounded(store: Store) -> None:
    gate = gate_of(store, concurrency=2)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(
                lambda: ask(gate, "POST", "/v1/count", headers={"Content-Length": "5"}, is_endless=True)
            )
        await anyio.wait_all_tasks_blocked()
        refused = await ask(gate, "GET", "/v1/index")
        refused.check_refused(503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert (await ask(gate, "GET", "/health")).status == 200
        group.cancel_scope.cancel()
    assert (await ask(gate, "GET", "/v1/index")).status == 200
    assert gate._metrics.in_flight == gate._admission.held_bytes == 0


async def test_bodies_in_memory_at_once_are_bounded(store: Store) -> None:
    gate = gate_of(store)
    count = BODIES_IN_FLIGHT_BYTES_MAX // BATCH_BODY_BYTES_MAX
    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(lambda: ask(gate, "POST", "/v1/vectors/batch", headers=CHUNKED, is_endless=True))
        await anyio.wait_all_tasks_blocked()
        refused = await ask(gate, "POST", "/v1/count", [b"{}"])
        refused.check_refused(503, "overloaded")
        assert (await ask(gate, "GET", "/v1/index")).status == 200
        group.cancel_scope.cancel()
    assert (await ask(gate, "POST", "/v1/count", [b"{}"])).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/v1",
        "/v1/",
        "/v1/index/x",
        "/v1/vectors/1/x",
        "/v2/index",
        "/docs/x",
        "/.env",
        "/a/../b",
    ],
)
async def test_an_unknown_route_is_not_found(store: Store, method: str, path: str) -> None:
    (await ask(gate_of(store), method, path)).check_refused(404, "not_found")


async def test_an_unknown_method_is_not_found(store: Store) -> None:
    gate = gate_of(store)
    routes = set(routes_of(gate))
    for path in {path for _, path in routes}:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            if ("GET" if method == "HEAD" else method, path) not in routes:
                (await ask(gate, method, path)).check_refused(404, "not_found")


@pytest.mark.parametrize("body", UNPARSABLE)
async def test_no_body_is_a_bug_of_ours(store: Store, body: bytes) -> None:
    gate = gate_of(store)
    for method, path in BODY_ROUTES:
        if body == b'{"mistyped":1}' and path.endswith("/payload"):
            continue  # where that is a payload
        answer = await ask(gate, method, path, [body], headers=BULK)
        assert 400 <= answer.status < 500, (method, path, answer.body)
        answer.check_refused(answer.status, answer.json["code"])
        assert len(answer.body) < 2_000
    assert (await store.stats()).vectors == 0


async def test_a_bug_of_ours_has_a_request_id_and_no_traceback(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise KeyError("secret of the inside")

    monkeypatch.setattr("asteroid_cloud.api.routes.health.anonymous_bytes", fail)
    answer = await ask(gate_of(store), "GET", "/metrics")
    told = answer.check_refused(500, "internal")
    assert told.keys() == {"error", "code", "request_id"}
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert told["request_id"] in caplog.text
    assert "secret of the inside" in caplog.text


async def test_a_bug_outside_the_application_is_answered_too(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    gate = RequestGuard(broken, Settings(data=store.path), Metrics(), ErrorHandler([]), store._collections)
    told = (await ask(gate, "GET", "/v1/index")).check_refused(500, "internal")
    assert told["request_id"] in caplog.text
