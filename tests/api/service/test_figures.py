"""The figures of many collections: so many labels, and all others put together as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

import asteroid_cloud.api as api
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import COLLECTION_LABELS_MAX
from asteroid_cloud.api.service.figures.histogram import Histogram
from asteroid_cloud.api.service.figures.of_collection import GAUGES, OTHER, Figures, labelled
from asteroid_cloud.api.service.metrics import Metrics, ProcessFigures
from asteroid_cloud.api.service.results import Stats
from tests.api.service.test_metrics import parsed
from tests.support.asgi import app_over, ask

pytestmark = pytest.mark.anyio

PROCESS = ProcessFigures(1, 2, 300, 105, "avx2")


async def stats_of(tmp_path: Path) -> Stats:
    async with api.open(tmp_path / "data", dim=2) as store:
        await store.insert(1, [0.0, 0.0])
        return await store.stats()


def figures(stats: Stats, number: int) -> Figures:
    """Of a collection that differs from the others by its number."""
    recall = Histogram((0.5, 1.0))
    recall.observe(1.0)
    own = replace(
        stats,
        vectors=number,
        lag_seconds=float(number),
        last_lsn=number,
        clock_jumps=1,
        degraded=number == 103,
    )
    return Figures(f"c{number:03}", own, {"walk": recall} if number % 2 else {"scan": recall})


async def test_as_many_labels_as_may_be_and_the_others_as_one(tmp_path: Path) -> None:
    stats = await stats_of(tmp_path)
    samples = parsed(Metrics().render(PROCESS, [figures(stats, number) for number in range(105)]))
    labels = {dict(labels).get("collection") for _, labels in samples} - {None}
    assert labels == {f"c{number:03}" for number in range(COLLECTION_LABELS_MAX)} | {OTHER}
    other = (("collection", OTHER),)
    assert samples["asteroid_vectors", other] == 100 + 101 + 102 + 103 + 104
    assert samples["asteroid_index_lag_seconds", other] == 104
    assert samples["asteroid_degraded", other] == 1
    assert samples["asteroid_clock_jumps_total", other] == 5
    assert samples["asteroid_search_recall_count", (*other, ("plan", "walk"))] == 2
    assert samples["asteroid_search_recall_count", (*other, ("plan", "scan"))] == 3
    syncs = sum(stats.log_syncs.counts)
    assert samples["asteroid_wal_sync_seconds_count", other] == 5 * syncs > 0
    use = samples["asteroid_memory_use_bytes", (("collection", "c000"), ("of", "tail_vectors"))]
    assert samples["asteroid_memory_use_bytes", (*other, ("of", "tail_vectors"))] == 5 * use > 0
    assert not any(name == "asteroid_wal_last_lsn" and labels == other for name, labels in samples)
    assert samples["asteroid_wal_last_lsn", (("collection", "c007"),)] == 7
    assert samples["asteroid_collections", ()] == 300


@pytest.mark.parametrize("count", [0, 1, COLLECTION_LABELS_MAX, COLLECTION_LABELS_MAX + 1])
async def test_there_is_no_other_before_it_is_needed(tmp_path: Path, count: int) -> None:
    stats = await stats_of(tmp_path)
    told = labelled([figures(stats, number) for number in range(count)])
    assert len(told) == count
    assert (OTHER in [each.label for each in told]) == (count > COLLECTION_LABELS_MAX)
    sums = {name for name, gauge in GAUGES.items() if gauge.together != "none"}
    for each in told:
        assert set(each.gauges) == (sums if each.label == OTHER else set(GAUGES))


async def test_what_is_told_once_is_not_changed_by_the_next_time(tmp_path: Path) -> None:
    stats, recall = await stats_of(tmp_path), Histogram((0.5,))
    recall.observe(0.4)
    for _ in range(2):
        one, two = (Figures(name, stats, {"walk": recall}) for name in ("a", "b"))
        one.add(two)
        assert sum(one.recalls["walk"].counts) == 2
    assert sum(recall.counts) == 1


async def test_each_open_collection_has_its_own_figures_and_the_process_one_memory(tmp_path: Path) -> None:
    async with api.open(tmp_path / "data", dim=2) as store:
        gate = app_over(Settings(data=store.path), store)
        await store.insert(1, [0.0, 0.0])
        assert (await ask(gate, "PUT", "/v1/collections/books", [b'{"dim":2}'])).status == 200
        body = b'{"items":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1,2]}]}'
        assert (await ask(gate, "POST", "/v1/collections/books/vectors/batch", [body])).status == 201
        samples = parsed((await ask(gate, "GET", "/metrics")).body.decode())
        assert samples["asteroid_vectors", (("collection", "default"),)] == 1
        assert samples["asteroid_vectors", (("collection", "books"),)] == 2
        assert samples["asteroid_collections", ()] == samples["asteroid_collections_open", ()] == 2
        told = [(await ask(gate, "GET", f"/v1/{path}stats")).json for path in ("", "collections/books/")]
        assert [each["vectors"] for each in told] == [1, 2]
        budgets = {each["memory_budget_bytes"] for each in told}
        assert budgets == {samples["asteroid_memory_budget_bytes", ()]}
