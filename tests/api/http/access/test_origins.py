"""Without keys, no page of another site can read or write the store of whoever looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.routes.table import ROUTES
from tests.support.asgi import app_over, ask

pytestmark = pytest.mark.anyio

ROW = [b'{"id":1,"vector":[1,2]}']
WRITES = [
    (route.method, route.path.replace("{id}", "1"))
    for route in ROUTES
    if route.scope in ("write", "admin") and route.method in ("POST", "PUT", "PATCH")
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with api.open(tmp_path / "data", dim=2) as store:
        yield store


@pytest.fixture
def gate(store: Store) -> RequestGuard:
    """An application without keys."""
    return app_over(Settings(data=store.path), store)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "a.localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:8000"],
)
async def test_names_of_this_machine_are_answered(gate: RequestGuard, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert (await ask(gate, "GET", "/v1/index", headers=own)).status == 200
    assert (await ask(gate, "POST", "/v1/vectors", ROW, headers=own)).status == 201


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "example.org:8000",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "128.0.0.1",
        "[::2]",
        "0.0.0.0",
        "",
        "localhost:x",
        "127.0.0.1:1:2",
        "notlocalhost",
    ],
)
async def test_a_name_that_was_bound_to_this_machine_is_refused(gate: RequestGuard, host: str) -> None:
    for method, path in (("GET", "/v1/index"), ("POST", "/v1/vectors"), ("GET", "/docs"), ("GET", "/health")):
        body = ROW if method == "POST" else []
        answer = await ask(gate, method, path, body, headers={"Host": host})
        answer.check_refused(403, "forbidden_origin")
        assert answer.headers["connection"] == "close"


async def test_the_address_that_the_server_listens_on_is_its_name_too(store: Store) -> None:
    gate = app_over(Settings(data=store.path, host="127.0.0.5"), store)
    assert (await ask(gate, "GET", "/v1/index", headers={"Host": "127.0.0.5:1"})).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://localhost.example.org"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_page_can_neither_read_nor_write(gate: RequestGuard, headers: dict[str, str]) -> None:
    sent = {"Host": "localhost"} | headers
    for method, path in [*WRITES, ("GET", "/v1/index"), ("POST", "/v1/search"), ("DELETE", "/v1/index")]:
        answer = await ask(gate, method, path, [b"{}"] if method != "GET" else [], headers=sent)
        answer.check_refused(403, "forbidden_origin")


async def test_a_link_of_another_site_may_lead_to_the_pages(gate: RequestGuard) -> None:
    sent = {"Host": "localhost", "Sec-Fetch-Site": "cross-site"}
    assert (await ask(gate, "GET", "/docs", headers=sent)).status == 200
    (await ask(gate, "POST", "/docs", headers=sent)).check_refused(403, "forbidden_origin")


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"]
)
async def test_a_write_must_say_that_it_is_json(
    gate: RequestGuard, method: str, path: str, kind: str
) -> None:
    answer = await ask(gate, method, path, [b"{}"], headers={"Host": "localhost", "Content-Type": kind})
    answer.check_refused(415, "unsupported_media_type")
    empty = await ask(gate, method, path, headers={"Host": "localhost", "Content-Type": kind})
    empty.check_refused(415, "unsupported_media_type")


async def test_a_write_without_a_type_is_refused_unless_it_has_no_body(gate: RequestGuard) -> None:
    for headers in ({"Content-Length": "2"}, {"Transfer-Encoding": "chunked"}):
        answer = await ask(gate, "POST", "/v1/flush", headers=headers)
        answer.check_refused(415, "unsupported_media_type")
    assert (await ask(gate, "POST", "/v1/flush")).status == 200
    assert (await ask(gate, "DELETE", "/v1/vectors/1")).status == 204


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_is_json_in_any_spelling(gate: RequestGuard, kind: str) -> None:
    assert (await ask(gate, "POST", "/v1/vectors", ROW, headers={"Content-Type": kind})).status == 201


async def test_reads_need_no_type(gate: RequestGuard) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert (await ask(gate, "POST", "/v1/count", [b"{}"], headers={"Content-Type": kind})).status == 200


async def test_with_keys_no_page_knows_one(store: Store) -> None:
    gate = app_over(Settings(data=store.path, api_key="the-key-of-the-test"), store)
    sent = {"Host": "example.org", "Origin": "http://example.com", "Content-Type": "text/plain"}
    (await ask(gate, "POST", "/v1/vectors", ROW, headers=sent)).check_refused(401, "unauthorized")
    sent["Authorization"] = "Bearer the-key-of-the-test"
    assert (await ask(gate, "POST", "/v1/vectors", ROW, headers=sent)).status == 201
