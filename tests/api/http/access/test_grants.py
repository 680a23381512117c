"""Which key may do what: every route of the table, under every role and every scope (§12)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.all_routes import ALL_ROUTES
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.routing.route import Route
from asteroid_cloud.api.service.access.grants import ROLES
from tests.support.asgi import app_over, ask, path_of

pytestmark = pytest.mark.anyio
SCOPES = {"all": "", "default": ":default", "others": ":books,films", "both": ":default,books"}
KEYS = {(role, scope): f"the-key-of-{role}-{scope}" for role in ROLES for scope in SCOPES}
ADMIN = {
    *("create_index", "delete_index", "backup", "backups", "tag", "tags", "untag", "purge"),
    *("create_collection", "delete_collection", "set_alias", "delete_alias"),
    *("set_text", "delete_text"),  # of a collection's definition
}
"""What §12 keeps for admins, and what defines a text index."""


def digest(key: str) -> str:
    """As a line of the file has it."""
    return "sha256:" + sha256(key.encode()).hexdigest()


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[RequestGuard]:
    """An application with a key for each role and scope."""
    lines = [f"{role}-{scope}:{role}{SCOPES[scope]} {digest(key)}" for (role, scope), key in KEYS.items()]
    (tmp_path / "keys").write_text("\n".join(lines))
    async with api.open(tmp_path / "data", dim=2) as store:
        yield app_over(Settings(data=store.path, api_keys=str(tmp_path / "keys")), store)


def allowed(route: Route, role: str, scope: str, name: str) -> bool:
    """What the contract says, in other words than the code does."""
    level = {"open": 0, "read": 1, "write": 2, "admin": 3}
    if level[role] < level[route.scope]:
        return False
    if scope == "all" or route.scope == "open":
        return True
    if route.operation == "metrics":
        return False
    speaks_of = name if "{collection}" in route.path or "{alias}" in route.path else "default"
    is_of_server = route.reach == "server" and "{" not in route.path
    is_of_server = is_of_server or route.path.startswith("/docs")
    return is_of_server or speaks_of in SCOPES[scope].lstrip(":").split(",")


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_each_route_asks_for_its_role_and_its_collection(gate: RequestGuard, route: Route) -> None:
    # With a body that no route takes, so that a call that is let in changes nothing.
    body = [b"{"] if route.method in ("POST", "PUT", "PATCH") else []
    for (role, scope), key in KEYS.items():
        for name in ("default", "books", "nobody"):
            path = path_of(route, collection=name, alias=name)
            if route.method == "DELETE" and allowed(route, role, scope, name):
                continue  # which would change something
            answer = await ask(gate, route.method, path, body, headers=bearer(key))
            if allowed(route, role, scope, name):
                assert answer.status not in (401, 403), (path, role, scope, answer.body)
            else:
                answer.check_refused(403, "forbidden")


async def test_a_delete_that_is_allowed_is_let_in(gate: RequestGuard) -> None:
    for route in ALL_ROUTES:
        if route.method == "DELETE":
            path = path_of(route, collection="default", alias="default")
            answer = await ask(gate, "DELETE", path, headers=bearer(KEYS["admin", "default"]))
            assert answer.status not in (401, 403), path


async def test_admins_alone_do_what_changes_the_store_as_a_whole() -> None:
    assert {route.operation for route in ALL_ROUTES if route.scope == "admin"} <= ADMIN
    assert {
        route.operation for route in ALL_ROUTES if route.operation in ADMIN and route.scope != "admin"
    } == set()


async def test_head_is_allowed_as_get_is(gate: RequestGuard) -> None:
    (await ask(gate, "HEAD", "/metrics", headers=bearer(KEYS["admin", "both"]))).check_refused(
        403, "forbidden"
    )
    assert (await ask(gate, "HEAD", "/metrics", headers=bearer(KEYS["read", "all"]))).status == 200


async def test_a_name_is_compared_decoded(gate: RequestGuard) -> None:
    key = bearer(KEYS["read", "default"])
    assert (await ask(gate, "GET", "/v1/collections/d%65fault/stats", headers=key)).status == 200
    answer = await ask(gate, "GET", "/v1/collections/default%2F..%2Fbooks/stats", headers=key)
    answer.check_refused(403, "forbidden")
    (await ask(gate, "GET", "/v1/collections/%FF/stats", headers=key)).check_refused(
        400, "bad_collection_name"
    )


async def test_what_is_not_there_is_not_found_for_a_small_key_too(gate: RequestGuard) -> None:
    for path in ("/v1/nothing", "/v1/vectors/", "/"):
        (await ask(gate, "GET", path, headers=bearer(KEYS["read", "others"]))).check_refused(404, "not_found")


async def test_a_key_learns_what_it_may_do(gate: RequestGuard) -> None:
    for (role, scope), key in KEYS.items():
        told = (await ask(gate, "GET", "/v1/key", headers=bearer(key))).json
        limits = SCOPES[scope].lstrip(":")
        collections = limits.split(",") if limits else None
        assert told == {"name": f"{role}-{scope}", "role": role, "collections": collections}


async def test_a_raw_key_and_no_key_may_do_everything(tmp_path: Path) -> None:
    everything = {"name": None, "role": "admin", "collections": None}
    async with api.open(tmp_path / "data", dim=2) as store:
        closed = app_over(Settings(data=store.path, api_key="the-key-of-the-test"), store)
        assert (await ask(closed, "GET", "/v1/key", headers=bearer("the-key-of-the-test"))).json == everything
        assert (await ask(app_over(Settings(data=store.path), store), "GET", "/v1/key")).json == everything


async def test_a_refusal_says_why_and_no_key(gate: RequestGuard) -> None:
    key = KEYS["read", "others"]
    answer = await ask(gate, "POST", "/v1/vectors", [b"{}"], headers=bearer(key))
    told = answer.check_refused(403, "forbidden")
    assert told["role"] == "read"
    assert "write" in told["error"]
    told = (await ask(gate, "GET", "/v1/stats", headers=bearer(key))).check_refused(403, "forbidden")
    assert "books, films" in told["error"]
    assert key not in json.dumps(told)


async def test_a_refusal_reads_no_body(store: Store, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"reader:read {digest('the-key-of-a-reader')}")
    gate = app_over(Settings(data=store.path, api_keys=str(tmp_path / "keys")), store)
    answer = await ask(gate, "POST", "/v1/vectors", [b"{"] * 3, headers=bearer("the-key-of-a-reader"))
    answer.check_refused(403, "forbidden")
    assert answer.pieces_read == 0
