"""How often a key may ask, by a clock that stands still until it is told to go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.access import rate_limit
from asteroid_cloud.api.http.access.rate_limit import HOLDERS_MAX, RateLimit
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.wal.errors import Overloaded
from tests.support.asgi import app_over, ask

KEYS = ("the-first-of-the-keys", "the-second-of-the-keys")


class Clock:
    """Time as the test wants it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the rate limit."""
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    return clock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with api.open(tmp_path / "data", dim=2) as store:
        yield store


def taken(limit: RateLimit, holder: str, tries: int) -> int:
    """How many of so many requests pass."""
    passed = 0
    for _ in range(tries):
        try:
            limit.take(holder)
            passed += 1
        except Overloaded:
            continue
    return passed


def test_a_burst_of_a_second_passes_and_then_the_rate(clock: Clock) -> None:
    limit = RateLimit(5)
    assert taken(limit, "a", 20) == 5
    clock.now_s += 0.5
    assert taken(limit, "a", 20) == 2
    clock.now_s += 3_600
    assert taken(limit, "a", 20) == 5


def test_over_a_long_time_no_more_than_the_rate_passes(clock: Clock) -> None:
    limit = RateLimit(3)
    passed = 0
    for _ in range(1_000):
        clock.now_s += 0.0625
        passed += taken(limit, "a", 2)
    assert 187 <= passed <= 190


def test_a_refusal_costs_nothing_and_says_when_to_come_back(clock: Clock) -> None:
    limit = RateLimit(0.5)
    limit.take("a")
    for _ in range(100):
        with pytest.raises(Overloaded) as caught:
            limit.take("a")
        assert caught.value.retry_after_s == pytest.approx(2.0)
    clock.now_s += caught.value.retry_after_s
    limit.take("a")


def test_each_holder_has_its_own_rate(clock: Clock) -> None:
    limit = RateLimit(2)
    assert taken(limit, "a", 5) == 2
    assert taken(limit, "b", 5) == 2


def test_the_holders_remembered_are_bounded(clock: Clock) -> None:
    limit = RateLimit(1)
    for number in range(HOLDERS_MAX + 100):
        limit.take(str(number))
    assert len(limit._buckets) == HOLDERS_MAX
    assert taken(limit, str(HOLDERS_MAX + 99), 3) == 0


def test_zero_is_no_limit(clock: Clock) -> None:
    assert taken(RateLimit(0), "a", 10_000) == 10_000


@pytest.mark.anyio
async def test_a_key_over_its_rate_is_told_so(store: Store, clock: Clock) -> None:
    (path := Path(store.path).parent / "keys").write_text("\n".join(KEYS))
    gate = app_over(Settings(data=store.path, api_keys=str(path), rate_limit=2.0), store)
    one, two = ({"Authorization": f"Bearer {key}"} for key in KEYS)
    for _ in range(2):
        assert (await ask(gate, "GET", "/v1/index", headers=one)).status == 200
    refused = await ask(gate, "GET", "/v1/index", headers=one)
    refused.check_refused(429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert (await ask(gate, "GET", "/v1/index", headers=two)).status == 200
    assert (await ask(gate, "GET", "/health", headers=one)).status == 200
    (await ask(gate, "GET", "/nowhere", headers=one)).check_refused(429, "rate_limited")
    clock.now_s += 0.5
    assert (await ask(gate, "GET", "/v1/index", headers=one)).status == 200


@pytest.mark.anyio
async def test_without_keys_the_address_counts(store: Store, clock: Clock) -> None:
    gate = app_over(Settings(data=store.path, rate_limit=0.25), store)
    assert (await ask(gate, "GET", "/v1/index")).status == 200
    refused = await ask(gate, "GET", "/v1/index", headers={"Authorization": "Bearer another"})
    refused.check_refused(429, "rate_limited")
    assert refused.headers["retry-after"] == "4"


@pytest.mark.anyio
async def test_wrong_keys_count_against_the_address_and_not_against_who_has_one(
    store: Store, clock: Clock
) -> None:
    gate = app_over(Settings(data=store.path, api_key=KEYS[0], rate_limit=2.0), store)
    for key in ("Bearer wrong", "Bearer other"):
        refused = await ask(gate, "GET", "/v1/index", headers={"Authorization": key})
        refused.check_refused(401, "unauthorized")
    for headers in ({"Authorization": "Bearer third"}, {}):
        refused = await ask(gate, "GET", "/v1/index", headers=headers)
        refused.check_refused(429, "rate_limited")
        assert refused.headers["connection"] == "close"
    right = {"Authorization": f"Bearer {KEYS[0]}"}
    assert (await ask(gate, "GET", "/v1/index", headers=right)).status == 200
    clock.now_s += 0.5
    (await ask(gate, "GET", "/v1/index")).check_refused(401, "unauthorized")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["//v1/index", "/v1//index", "/v1/index/", "/v1/./index", "/nowhere"])
async def test_a_path_that_reaches_nothing_counts_too(store: Store, clock: Clock, path: str) -> None:
    gate = app_over(Settings(data=store.path, rate_limit=2.0), store)
    for _ in range(2):
        (await ask(gate, "GET", path)).check_refused(404, "not_found")
    (await ask(gate, "GET", path)).check_refused(429, "rate_limited")
    (await ask(gate, "GET", "/v1/index")).check_refused(429, "rate_limited")
