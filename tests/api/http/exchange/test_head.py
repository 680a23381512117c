"""HEAD answers wherever GET does: the same status and headers, and no body."""

from __future__ import annotations

import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.api.http.settings import Settings
from tests.support.asgi import app_over, ask, routes_of

pytestmark = pytest.mark.anyio
CHANGING = {"x-request-id", "content-length", "date"}


async def test_head_answers_wherever_get_does(store: Store) -> None:
    app = app_over(Settings(data=store.path), store)
    await store.insert(1, [0.0] * 4, {"a": 1})
    paths = [path for method, path in routes_of(app) if method == "GET"]
    assert len(paths) > 10
    for path in paths:
        got, head = await ask(app, "GET", path), await ask(app, "HEAD", path)
        assert (head.status, head.body) == (got.status, b""), path
        assert head.headers.keys() == got.headers.keys()
        for name in got.headers.keys() - CHANGING:
            assert head.headers[name] == got.headers[name], path
    assert int((await ask(app, "HEAD", "/health")).headers["content-length"]) == len(b'{"status":"ok"}')


async def test_head_of_a_feed_has_its_headers_and_ends(store: Store) -> None:
    app = app_over(Settings(data=store.path), store)
    head = await ask(app, "HEAD", "/v1/changes")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == "application/x-ndjson"
    assert "x-asteroid-lsn" in head.headers
