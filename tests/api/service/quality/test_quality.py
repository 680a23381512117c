"""Sampling: which searches are repeated, what their recall is counted as, and what it may cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from asteroid_cloud import query
from asteroid_cloud.api.limits import RECALL_TIME_SHARE_MAX
from asteroid_cloud.api.service.quality import quality as module
from asteroid_cloud.api.service.quality.options import QualityOptions, checked_options
from asteroid_cloud.api.service.quality.quality import Quality
from asteroid_cloud.api.service.quality.sampling import SharedSampling
from asteroid_cloud.api.service.quality.time_budget import WINDOW_S
from asteroid_cloud.query import FilterCache, RecallRequest, SearchRequest, SearchResult
from asteroid_cloud.query.knn import true_distances
from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support.parts import World, random_vectors

DIM = 8
QUERY = random_vectors(1, DIM, seed=9)[0]
PLAIN = SearchRequest(vector=QUERY)


class AtOnce:
    """A worker that does a job where it is offered."""

    def __init__(self, name: str, work: Callable[[Any], None], waiting_max: int) -> None:
        self.work = work
        self.jobs = 0

    def offer(self, job: object) -> bool:
        """Does it."""
        self.jobs += 1
        self.work(job)
        return True


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s

    def taken_by_exact_searches(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        """Lets each exact search take so long."""
        measured = true_distances

        def slow(*asked: Any) -> Any:
            self.now_s += seconds
            return measured(*asked)

        monkeypatch.setattr(module, "true_distances", slow)


@pytest.fixture
def world() -> World:
    """Three hundred rows."""
    world = World(DIM)
    world.upsert(list(range(300)), random_vectors(300, DIM))
    return world


def answer(world: World, request: SearchRequest, *, missing: int = 0) -> SearchResult:
    """What a search answers whose graph does not lead to the nearest ``missing`` rows."""
    result = query.search(world.snapshot(), replace(request, k=request.k + missing), FilterCache())
    return replace(result, ids=result.ids[missing:], distances=result.distances[missing:])


def note(
    quality: Quality, world: World, request: SearchRequest = PLAIN, *, missing: int = 0, times: int = 1
) -> None:
    request = quality.widened(request)
    result = answer(world, request, missing=missing)
    for _ in range(times):
        quality.note(world.snapshot(), request, result)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are repeated where they are noted."""
    monkeypatch.setattr(module, "Worker", AtOnce)


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part has a graph that is walked."""
    monkeypatch.setattr(module, "plan_kind", lambda *_: "walk")


def of_every(searches: int, *, clock: Clock | None = None) -> Quality:
    """A sampler for which no time passes, unless the test's own clock says so."""
    return Quality(FilterCache(), QualityOptions(sample_every=searches), SharedSampling(clock or Clock()))


def test_nothing_runs_when_it_is_off(world: World) -> None:
    quality = of_every(0)
    note(quality, world, missing=5, times=1_000)
    assert not quality.is_running
    report = quality.report()
    assert (report.recall_sampled, report.recall_samples, report.recall_low) == (None, 0, False)
    assert report.ef_search_default == EF_SEARCH_DEFAULT
    quality.close()


@pytest.mark.usefixtures("at_once")
def test_one_search_of_so_many_is_sampled_and_exact_ones_do_not_count(world: World) -> None:
    quality = of_every(10)
    note(quality, world, replace(PLAIN, exact=True), times=50)
    note(quality, world, times=99)
    assert quality.report().recall_samples == 9
    note(quality, world)
    assert quality.report().recall_samples == 10
    assert quality.report().recall_sampled == 1.0


@pytest.mark.usefixtures("at_once")
def test_recall_is_counted_by_how_it_was_searched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quality = of_every(1)
    note(quality, world)
    for plan in ("mixed", "walk"):
        monkeypatch.setattr(module, "plan_kind", lambda *_, plan=plan: plan)
        note(quality, world, missing=2)
    assert quality.report().recall_sampled == pytest.approx((1 + 0.8 + 0.8) / 3)
    totals = {plan: histogram.total for plan, histogram in quality.recalls().items()}
    assert totals == {"scan": 1.0, "mixed": 0.8, "walk": 0.8}


@pytest.mark.usefixtures("at_once")
def test_every_kind_of_request_can_be_repeated(world: World) -> None:
    quality = of_every(1)
    filter = query.parse_filter({"$not": {"a": 1}})
    nothing = query.parse_filter({"a": 1})
    for request in (
        SearchRequest(id=7, k=3),
        SearchRequest(vector=QUERY, offset=5, k=3, include_payload=True, include_vector=True, explain=True),
        SearchRequest(vector=QUERY, max_distance=1.5, filter=filter),
    ):
        note(quality, world, request)
    assert (quality.report().recall_samples, quality.report().recall_sampled) == (3, 1.0)
    note(quality, world, SearchRequest(vector=QUERY, filter=nothing))
    assert quality.report().recall_samples == 3, "there is nothing to find"


@pytest.mark.usefixtures("at_once", "walked")
def test_low_recall_is_told_once_widens_and_recovers(world: World, caplog: pytest.LogCaptureFixture) -> None:
    quality = of_every(1)
    searched: list[int] = []
    for _ in range(100):
        request = quality.widened(PLAIN)
        searched.append(request.ef)
        missing = 3 if request.ef < 512 else 0  # a graph that one has to look far in
        quality.note(world.snapshot(), request, answer(world, request, missing=missing))
    assert sorted(set(searched)) == [128, 256, 512]
    report = quality.report()
    assert (report.recall_low, report.ef_search_default, report.recall_sampled) == (False, 512, 1.0)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "recall" in caplog.text
    assert quality.widened(RecallRequest()).ef_default == 512
    note(quality, world, times=400)
    assert quality.report().ef_search_default < 512


@pytest.mark.usefixtures("at_once", "walked")
def test_searches_that_name_their_ef_are_neither_widened_nor_judged(world: World) -> None:
    quality = of_every(1)
    named = SearchRequest(vector=QUERY, ef_search=128)
    deep = SearchRequest(vector=QUERY, k=200)
    note(quality, world, named, missing=9, times=200)
    note(quality, world, deep, missing=50, times=200)
    assert (quality.report().recall_low, quality.report().ef_search_default) == (False, EF_SEARCH_DEFAULT)
    assert quality.report().recall_sampled == pytest.approx(0.75)
    note(quality, world, missing=9, times=20)
    assert quality.report().recall_low
    assert quality.widened(named).ef == 128
    assert quality.widened(PLAIN).ef == 256


@pytest.mark.usefixtures("at_once")
def test_scans_are_counted_and_not_judged(world: World) -> None:
    quality = of_every(1)
    note(quality, world, missing=9, times=50)
    assert (quality.report().recall_samples, quality.report().recall_low) == (50, False)


@pytest.mark.usefixtures("at_once")
def test_the_budget_bounds_the_time_of_every_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    clock.taken_by_exact_searches(monkeypatch, 0.05)
    quality = of_every(1, clock=clock)
    counts = []
    for _ in range(5 * WINDOW_S):
        note(quality, world, times=5)
        counts.append(quality.report().recall_samples)
        clock.now_s += 1
    within = np.array(counts[WINDOW_S:]) - np.array(counts[:-WINDOW_S])
    most = RECALL_TIME_SHARE_MAX * WINDOW_S / 0.05
    assert within.max() <= most + 1, "at most the last one passes the bound"
    assert counts[-1] >= 4 * most * 0.9


@pytest.mark.usefixtures("at_once")
def test_what_would_cost_too_much_is_not_repeated(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quality = of_every(1)
    monkeypatch.setattr(query, "estimate", lambda *_: 2e9)
    note(quality, world)
    assert quality._worker.jobs == 0  # type: ignore[attr-defined]
    monkeypatch.setattr(query, "estimate", lambda *_: 1e9)
    note(quality, world)
    assert quality.report().recall_samples == 1


@pytest.mark.usefixtures("at_once")
def test_costs_are_learnt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    clock.taken_by_exact_searches(monkeypatch, 20.0)
    quality = of_every(1, clock=clock)
    monkeypatch.setattr(query, "estimate", lambda *_: 1e6)  # thought to take 1 ms
    note(quality, world, times=10)
    assert quality.report().recall_samples == 1
    clock.now_s += 20.0 / RECALL_TIME_SHARE_MAX
    note(quality, world, times=10)
    assert quality.report().recall_samples == 1, "now they are known to be too long"
    note(quality, world, times=1_000)
    assert quality.report().recall_samples == 2, "but are tried again some day"


def test_a_sample_is_what_was_asked_though_the_caller_changes_the_vector(world: World) -> None:
    quality, vector = of_every(1), QUERY.copy()
    request = SearchRequest(vector=vector)
    result = answer(world, request)
    quality.note(world.snapshot(), request, result)
    vector[:] = -100
    result.distances[:] = 1e9
    while quality.report().recall_samples == 0:
        pass
    assert quality.report().recall_sampled == 1.0
    quality.close()
    assert not quality.is_running


@pytest.mark.parametrize(
    ("every", "least"), [(-1, 0.9), (1.5, 0.9), (True, 0.9), (1, -0.1), (1, 1.1), (1, float("nan")), (1, "x")]
)
def test_bad_options_are_refused(every: object, least: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_options(every, least)
    assert caught.value.code == "bad_settings"


@pytest.mark.usefixtures("at_once")
def test_collections_share_the_time_for_samples_and_not_what_they_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    clock.taken_by_exact_searches(monkeypatch, RECALL_TIME_SHARE_MAX * WINDOW_S / 4)
    sampling = SharedSampling(clock)
    first, second = (Quality(FilterCache(), QualityOptions(sample_every=1), sampling) for _ in range(2))
    note(first, world, times=20)
    samples = first.report().recall_samples
    assert 1 <= samples <= 5
    note(second, world, times=20)
    assert second.report().recall_samples == 0, "the other one has used up the time of both"
    assert second.report().recall_sampled is None
    assert sum(first.recalls()["scan"].counts) == samples
    clock.now_s += 10 * WINDOW_S
    note(second, world)
    assert second.report().recall_samples == 1
