"""Who gets in: every route but /health asks for a key, and no key ever comes out again."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.access.keys import KeyRing, raw_key
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.metrics import Metrics, ProcessFigures
from tests.support.asgi import app_over, ask, routes_of

pytestmark = pytest.mark.anyio

KEY = "canary-of-the-test-7f2e19d4"
SECOND, THIRD = "the-second-of-the-keys", "the-third-of-the-keys"
GOOD = {"Authorization": f"Bearer {KEY}"}
WRONG = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer"},
    {"Authorization": KEY},
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": f"Bearer {KEY}x"},
    {"Authorization": f"Bearer {KEY[:-1]}"},
    {"Authorization": f"Bearer x{KEY[1:]}"},
    {"Authorization": f"Bearer {KEY.upper()}"},
    {"Authorization": f"Bearer{KEY}"},
    {"Authorization": "Bearer \xff\xfe"},
    {"X-Api-Key": KEY},
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with api.open(tmp_path / "data", dim=2) as store:
        yield store


@pytest.fixture
def gate(store: Store) -> RequestGuard:
    """An application with one key."""
    return app_over(Settings(data=store.path, api_key=KEY), store)


def with_public(store: Store, public: str) -> RequestGuard:
    """An application with one key, and something that needs none."""
    return app_over(Settings(data=store.path, api_key=KEY, public=public), store)


async def test_every_route_but_health_needs_a_key(gate: RequestGuard) -> None:
    routes = routes_of(gate)
    assert len(routes) > 25
    for method, path in routes:
        for headers in WRONG:
            answer = await ask(gate, method, path, headers=headers)
            if path == "/health":
                assert answer.status == 200
                continue
            answer.check_refused(401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (await ask(gate, method, path, headers=GOOD)).status != 401, (method, path)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/", "//health", "/health/", "/health/../v1/stats", "/docs/../v1/stats", "/HEALTH"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "TRACE"])
async def test_what_is_not_there_needs_a_key_too(gate: RequestGuard, method: str, path: str) -> None:
    (await ask(gate, method, path)).check_refused(401, "unauthorized")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_name_of_the_scheme_has_no_case(gate: RequestGuard, scheme: str) -> None:
    assert (await ask(gate, "GET", "/v1/index", headers={"authorization": f"{scheme} {KEY}"})).status == 200
    assert (
        await ask(gate, "GET", "/v1/index", headers={"authorization": f"{scheme}   {KEY} "})
    ).status == 200


@pytest.mark.parametrize(
    ("public", "opened"),
    [("ready", "/ready"), ("metrics", "/metrics"), ("docs", "/docs"), ("docs", "/openapi.json")],
)
async def test_some_routes_may_be_opened(store: Store, public: str, opened: str) -> None:
    gate = with_public(store, public)
    assert (await ask(gate, "GET", opened)).status == 200
    named = {"ready": ["/ready"], "metrics": ["/metrics"], "docs": ["/docs", "/openapi.json"]}[public]
    for method, path in routes_of(gate):
        if path not in [*named, "/health"] and not (public == "docs" and path.startswith("/docs/")):
            (await ask(gate, method, path)).check_refused(401, "unauthorized")


@pytest.mark.parametrize(
    "path", ["/docs/../v1/stats", "/docs//../v1/index", "/docs/./../v1/index", "/docs/assets/../../v1/index"]
)
async def test_open_docs_open_nothing_else(store: Store, path: str) -> None:
    assert (await ask(with_public(store, "docs"), "GET", path)).status == 404
    assert (await ask(with_public(store, "ready"), "GET", path)).status == 401


@pytest.mark.parametrize("name", ["../__init__.py", "..%2f__init__.py", "/etc/passwd", "....//__init__.py"])
async def test_the_assets_are_no_way_out_of_their_folder(store: Store, name: str) -> None:
    answer = await ask(with_public(store, "docs"), "GET", f"/docs/assets/{name}")
    answer.check_refused(404, "not_found")


async def test_without_a_key_everything_is_open(store: Store) -> None:
    gate = app_over(Settings(data=store.path), store)
    assert (await ask(gate, "GET", "/v1/stats")).status == 200
    assert (await ask(gate, "GET", "/v1/stats", headers=WRONG[5])).status == 200


async def test_each_of_several_keys_fits(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{SECOND}\n# of a friend\n{THIRD}\n")
    gate = app_over(Settings(data=store.path, api_key=KEY, api_keys=str(path)), store)
    for key in (KEY, SECOND, THIRD):
        assert (await ask(gate, "GET", "/v1/index", headers={"Authorization": f"Bearer {key}"})).status == 200
    wrong = await ask(gate, "GET", "/v1/index", headers={"Authorization": "Bearer friend"})
    wrong.check_refused(401, "unauthorized")


def test_holders_have_names_that_are_not_their_keys() -> None:
    keys = KeyRing(map(raw_key, [KEY, "second"]))
    found = [keys.find(f"Bearer {key}".encode()) for key in (KEY, "second")]
    names = {key.holder for key in found if key is not None}
    assert len(names) == 2
    assert not any(key in str(names) for key in (KEY, "second"))
    assert KEY not in repr(vars(keys))
    assert keys.find(b"Bearer third") is None
    assert KeyRing([]).is_open
    assert not keys.is_open


async def test_all_keys_are_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("asteroid_cloud.api.http.access.keys.hmac.compare_digest", compare)
    keys = KeyRing(map(raw_key, ["first", "second", "third"]))
    for sent in (b"Bearer first", b"Bearer third", b"Bearer " + b"x" * 1_000, b"Basic first", b""):
        compared.clear()
        keys.find(sent)
        assert compared == [(32, 32)] * 3


async def test_a_key_is_never_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    settings, metrics = Settings(data=store.path, api_key=KEY), Metrics()
    gate = app_over(settings, store, metrics)
    told = [repr(settings), str(vars(metrics)), repr(gate)]
    try:
        for method, path in routes_of(gate):
            for headers in (GOOD, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Digest {KEY}"}):
                answer = await ask(gate, method, path, [b'{"id": 1'], headers=headers)
                told += [answer.body.decode(errors="replace"), json.dumps(answer.headers)]
        monkeypatch.setattr("asteroid_cloud.api.routes.health.anonymous_bytes", lambda: 1 / 0)
        failed = await ask(gate, "GET", "/metrics", headers=GOOD)
        failed.check_refused(500, "internal")
        told += [failed.body.decode(), metrics.render(ProcessFigures(1, 2, 0, 0, ""), [])]
    finally:
        logging.getLogger().removeHandler(handler)
    assert "ZeroDivisionError" in log.getvalue(), "the log is not looked at"
    assert [text for text in [*told, log.getvalue()] if KEY in text] == []
