"""A store samples its searches through every face, says so, and leaves no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import numpy as np
import pytest
from msgspec.structs import replace

import asteroid_cloud.api as api
from asteroid_cloud import query
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.quality import quality as module
from asteroid_cloud.api.service.quality import sampling
from asteroid_cloud.query import SearchRequest, SearchResult
from tests.support.asgi import app_over, ask

pytestmark = pytest.mark.anyio

ROWS, DIM = 6_000, 8
VECTORS = np.random.default_rng(1).normal(size=(ROWS, DIM)).astype(np.float32)


def threads() -> list[str]:
    """The samplers of this process."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("asteroid-recall")]


@pytest.fixture(autouse=True)
def none_before_and_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a sampler behind; each has all the time that it needs on a busy machine."""
    monkeypatch.setattr(sampling, "RECALL_TIME_SHARE_MAX", 1_000.0)
    assert threads() == []
    yield
    assert threads() == []


@pytest.fixture
def dropping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph that does not lead to the two nearest rows, unless one looks far."""
    searched = query.search

    def search(*asked: object) -> SearchResult:
        snapshot, request, *others = asked
        assert isinstance(request, SearchRequest)
        if request.exact or request.ef >= 512:
            return searched(snapshot, request, *others)  # type: ignore[arg-type]
        result = searched(snapshot, replace(request, k=request.k + 2), *others)  # type: ignore[arg-type]
        return replace(result, ids=result.ids[2:], distances=result.distances[2:])

    monkeypatch.setattr(query, "search", search)


async def sampled(store: Store, samples: int) -> None:
    """Searches until so many more have been repeated."""
    for number in range(samples):
        before = (await store.stats()).recall_samples
        await store.search(VECTORS[number] + 0.01, k=10)
        while (await store.stats()).recall_samples == before:
            await anyio.lowlevel.checkpoint()


@pytest.mark.usefixtures("dropping")
async def test_a_bad_graph_shows_is_told_once_and_is_made_up_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with api.open(tmp_path, DIM, recall_sample_every=1) as store:
        await store.insert_batch(enumerate(VECTORS))
        await store.flush()
        await sampled(store, 20)
        stats = await store.stats()
        assert stats.recall_sampled is not None
        assert stats.recall_sampled == pytest.approx(0.8)
        assert (stats.recall_low, stats.ef_search_default) == (True, 256)
        await sampled(store, 60)
        stats = await store.stats()
        assert (stats.recall_low, stats.ef_search_default) == (False, 512)
        assert (await store.search(VECTORS[0], k=1))[0].id == 0
        assert (await store.search(VECTORS[0], k=1, ef_search=16))[0].id != 0
    assert [each.levelname for each in caplog.records if "recall" in each.getMessage()] == ["WARNING"]


async def test_figures_have_the_recall_by_plan(tmp_path: Path) -> None:
    async with api.open(tmp_path, DIM, recall_sample_every=2) as store:
        app = app_over(Settings(data=str(tmp_path)), store)
        await store.insert_batch(enumerate(VECTORS[:100]))
        await store.search_batch(VECTORS[:3])
        await store.search(VECTORS[0])
        while (await store.stats()).recall_samples < 2:
            await anyio.lowlevel.checkpoint()
        text = (await ask(app, "GET", "/metrics")).body.decode()
        labels = 'collection="default",plan="scan"'
        assert f'asteroid_search_recall_bucket{{{labels},le="0.99"}} 0' in text
        assert f"asteroid_search_recall_count{{{labels}}} 2" in text
        assert 'asteroid_search_recall_low{collection="default"} 0' in text
        assert 'asteroid_search_ef_default{collection="default"} 128' in text
        told = (await ask(app, "GET", "/v1/stats")).json
        assert (told["recall_sampled"], told["recall_samples"], told["recall_low"]) == (1.0, 2, False)


async def test_nothing_is_sampled_when_it_is_off(tmp_path: Path) -> None:
    async with api.open(tmp_path, DIM, recall_sample_every=0) as store:
        await store.insert_batch(enumerate(VECTORS[:100]))
        await store.search_batch(VECTORS[:500])
        assert threads() == []
        assert (await store.stats()).recall_sampled is None


def test_a_blocking_store_samples_what_its_callers_search(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, DIM, recall_sample_every=1) as store:
        store.insert_batch(enumerate(VECTORS[:100]))
        assert len(store.search(VECTORS[0])) == 10
        while store.stats().recall_samples == 0:
            pass
        store.search_batch(VECTORS[:3])
        while store.stats().recall_samples == 1:
            pass
        assert store.stats().recall_sampled == 1.0


async def test_closing_waits_for_the_search_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    repeated = module.true_distances

    def slowly(*asked: object) -> object:
        begun.set()
        go_on.wait()
        return repeated(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "true_distances", slowly)
    async with api.open(tmp_path, DIM, recall_sample_every=1) as store:
        await store.insert_batch(enumerate(VECTORS[:100]))
        for _ in range(10):
            await store.search(VECTORS[0])
        while not begun.is_set():
            await anyio.lowlevel.checkpoint()
        assert len(await store.search(VECTORS[0])) == 10, "other calls do not wait for it"
        threading.Timer(0.01, go_on.set).start()


async def test_a_closed_store_samples_nothing(tmp_path: Path) -> None:
    async with api.open(tmp_path, DIM, recall_sample_every=1) as store:
        await store.insert_batch(enumerate(VECTORS[:100]))
        snapshot, reads = store.engine.snapshot(), store.reads
    assert len(await reads.search(snapshot, SearchRequest(vector=VECTORS[0]))) == 10
    assert threads() == []
