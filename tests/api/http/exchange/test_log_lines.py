"""Request ids, in answers and in the log, and the access log."""

from __future__ import annotations

import logging

import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.api.http.exchange.log_lines import access_logger, start_logging
from asteroid_cloud.api.http.settings import Settings
from tests.support.asgi import app_over, ask

pytestmark = pytest.mark.anyio
USABLE = ["7", "a-B_c.d:e/f", "x" * 128]
UNUSABLE = ["", "two words", "x" * 129, "é", "a\tb", "a\nb: c"]


@pytest.mark.parametrize("given", USABLE)
@pytest.mark.parametrize("path", ["/health", "/v1/index", "/nowhere"])
async def test_an_answer_carries_the_id_that_the_client_gave(store: Store, given: str, path: str) -> None:
    app = app_over(Settings(data=store.path), store)
    assert (await ask(app, "GET", path, headers={"X-Request-ID": given})).headers["x-request-id"] == given


@pytest.mark.parametrize("given", UNUSABLE)
async def test_an_id_that_cannot_stand_in_a_log_is_replaced(store: Store, given: str) -> None:
    app = app_over(Settings(data=store.path), store)
    told = (await ask(app, "GET", "/health", headers={"X-Request-ID": given})).headers["x-request-id"]
    assert told != given
    assert len(told) == 16


async def test_each_request_without_one_gets_its_own(store: Store) -> None:
    app = app_over(Settings(data=store.path), store)
    told = [(await ask(app, "GET", "/health")).headers["x-request-id"] for _ in range(5)]
    assert len(set(told)) == 5


async def test_a_bug_is_logged_under_the_id_of_its_request(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("asteroid_cloud.api.routes.health.anonymous_bytes", lambda: 1 / 0)
    app = app_over(Settings(data=store.path), store)
    answer = await ask(app, "GET", "/metrics", headers={"X-Request-ID": "mine"})
    assert answer.check_refused(500, "internal")["request_id"] == "mine"


@pytest.fixture
def fresh_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging without the handlers of the tests."""
    monkeypatch.setattr(logging.root, "handlers", list(logging.root.handlers))
    monkeypatch.setattr(access_logger, "level", logging.NOTSET)
    monkeypatch.setattr(logging.getLogger("uvicorn"), "level", logging.NOTSET)
    monkeypatch.setattr(logging.root, "level", logging.WARNING)


@pytest.mark.usefixtures("fresh_logging")
@pytest.mark.parametrize("wanted", [True, False])
async def test_the_access_log_is_a_setting(
    store: Store, wanted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging("error", access_log=wanted)
    app = app_over(Settings(data=store.path), store)
    body = b'{"id":1,"vector":[0,0,0,0],"metadata":{"secret":1}}'
    await ask(app, "POST", "/v1/vectors", [body], headers={"X-Request-ID": "mine"})
    await ask(app, "GET", "/v1/vectors/1\n2026 forged")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (2 if wanted else 0)
    if wanted:
        assert "POST /v1/vectors 201 " in lines[0]
        assert f"in {len(body)}," in lines[0]
        assert lines[0].endswith("[request mine]")
        assert "secret" not in lines[0]
        assert r"/v1/vectors/1\n2026 forged" in lines[1]
