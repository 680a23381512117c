"""The index's routes: its life, its figures, and what there is before it."""

from __future__ import annotations

import httpx
import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.api.http.app import create_app
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.collections import Collection
from tests.support.asking import DIM, ZEROS, Http
from tests.support.only import only

pytestmark = pytest.mark.anyio

DATA_CALLS: list[tuple[str, str, object]] = [
    ("POST", "/v1/vectors", {"id": 1, "vector": ZEROS}),
    ("PUT", "/v1/vectors/1", {"vector": ZEROS}),
    ("GET", "/v1/vectors/1", None),
    ("DELETE", "/v1/vectors/1", None),
    ("GET", "/v1/vectors/1/payload", None),
    ("PUT", "/v1/vectors/1/payload", {}),
    ("PATCH", "/v1/vectors/1/payload", {}),
    ("POST", "/v1/vectors/batch", {"items": [{"id": 1, "vector": ZEROS}]}),
    ("POST", "/v1/vectors/fetch", {"ids": [1]}),
    ("POST", "/v1/vectors/delete", {"ids": [1]}),
    ("POST", "/v1/vectors/delete", {"filter": {}}),
    ("POST", "/v1/vectors/patch", {"ids": [1], "patch": {}}),
    ("POST", "/v1/vectors/patch", {"filter": {}, "patch": {}}),
    ("POST", "/v1/vectors/scroll", {}),
    ("POST", "/v1/search", {"vector": ZEROS}),
    ("POST", "/v1/search/batch", {"searches": [{"vector": ZEROS}]}),
    ("POST", "/v1/count", {}),
    ("POST", "/v1/facets", {"field": "n"}),
    ("POST", "/v1/range", {"field": "n"}),
]


async def test_an_index_is_created_once_and_again_after_its_deletion(http: Http) -> None:
    there = {"initialized": True, "dim": DIM, "metric": "l2", "bits": 16}
    assert await http.send("GET", "/v1/index", status=200) == there
    again = {"dim": DIM, "metric": "l2"}
    await http.refused("PUT", "/v1/index", again, status=409, code="index_already_initialized")
    await http.insert(1, ZEROS)
    assert (await http.send("DELETE", "/v1/index", status=200))["initialized"] is False
    assert (await http.send("DELETE", "/v1/index", status=200))["initialized"] is False
    gone = {"initialized": False, "dim": None, "metric": None, "bits": None}
    assert await http.send("GET", "/v1/index", status=200) == gone
    told = await http.send("PUT", "/v1/index", {"dim": 2, "metric": "COSINE", "bits": 8}, status=200)
    assert {**told, "lsn": 0} == {"dim": 2, "metric": "cosine", "bits": 8, "initialized": True, "lsn": 0}
    await http.refused("PUT", "/v1/index", {"dim": 2, "bits": 7}, status=400, code="bad_bits")
    assert (await http.send("POST", "/v1/count", {}, status=200))["count"] == 0


@pytest.mark.parametrize("dim", [0, -1, 4001, 1.0, "4", True, None, [4]])
async def test_a_bad_dimension_is_refused(http: Http, dim: object) -> None:
    await http.send("DELETE", "/v1/index", status=200)
    await http.refused("PUT", "/v1/index", {"dim": dim}, status=400, code="bad_dim")


@pytest.mark.parametrize("metric", ["l3", "", 1, None, ["l2"]])
async def test_a_bad_metric_is_refused(http: Http, metric: object) -> None:
    await http.send("DELETE", "/v1/index", status=200)
    await http.refused("PUT", "/v1/index", {"dim": 4, "metric": metric}, status=400, code="bad_metric")


@pytest.mark.parametrize("metric", ["l2", "L2", "Cosine", "ip"])
async def test_metrics_are_known_in_any_case(http: Http, metric: str) -> None:
    await http.send("DELETE", "/v1/index", status=200)
    told = await http.send("PUT", "/v1/index", {"dim": 4000, "metric": metric}, status=200)
    assert told["metric"] == metric.lower()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"[]", "bad_json"),
        (b"{}", "bad_dim"),
        (b'{"dim":4,"dimension":4}', "unknown_field"),
        (b"[" * 100_000, "bad_json"),
        (b'{"dim":' + b"[" * 100_000, "bad_json"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(http: Http, body: bytes, code: str) -> None:
    await http.refused("PUT", "/v1/index", body, status=400, code=code)


@pytest.mark.parametrize(("method", "path", "body"), DATA_CALLS)
async def test_data_calls_before_the_index_are_conflicts(
    http: Http, method: str, path: str, body: object
) -> None:
    await http.send("DELETE", "/v1/index", status=200)
    await http.refused(method, path, body, status=409, code="index_not_initialized")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/index"),
        ("POST", "/v1/index"),
        ("GET", "/v1/search"),
        ("GET", "/v1/vectors"),
        ("GET", "/v1/vectors/batch"),
        ("POST", "/v1/vectors/1"),
        ("GET", "/v1/vectors/1/2"),
        ("DELETE", "/v1/vectors/1/payload"),
    ],
)
async def test_what_is_no_route_is_not_found(http: Http, method: str, path: str) -> None:
    await http.refused(method, path, status=404, code="not_found")


async def test_figures_are_exact(http: Http, store: Store) -> None:
    for id in range(5):
        await http.insert(id, ZEROS)
    await http.insert(3, ZEROS)
    await http.send("DELETE", "/v1/vectors/4", status=204)
    told = await http.send("GET", "/v1/stats", status=200)
    assert (told["vectors"], told["dim"], told["metric"]) == (4, DIM, "l2")
    assert told["memory_bytes"] > 1_000_000
    assert told["last_lsn"] == told["durable_lsn"] == http.lsn
    assert {"segments", "tail_rows", "lag_records", "lag_seconds", "log_bytes"} <= told.keys()
    assert told["tail_rows"] > 0
    await store.flush()
    told = await http.send("GET", "/v1/stats", status=200)
    assert (told["vectors"], told["tail_rows"], told["lag_records"]) == (4, 0, 0)
    assert told["segments"] == 1


async def test_figures_before_the_index(http: Http) -> None:
    await http.send("DELETE", "/v1/index", status=200)
    told = await http.send("GET", "/v1/stats", status=200)
    assert (told["vectors"], told["dim"], told["metric"]) == (0, None, None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        *DATA_CALLS,
        ("PUT", "/v1/index", {"dim": DIM}),
        ("DELETE", "/v1/index", None),
        ("GET", "/v1/index", None),
        ("GET", "/v1/stats", None),
        ("GET", "/v1/changes", None),
        ("GET", "/ready", None),
    ],
)
async def test_nothing_is_served_until_the_index_of_the_settings_is_made(
    store: Store, method: str, path: str, body: object
) -> None:
    waiting = Collection(store.path, store.engine, awaits_index=True)
    app = create_app(Settings(data=store.path), only(waiting))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the application's own ASGI types
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await Http(client).refused(method, path, body, status=503, code="not_ready")
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
