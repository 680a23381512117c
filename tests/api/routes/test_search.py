"""The search routes: what they find, what they refuse, and what a snapshot covers."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from asteroid_cloud.api import Store
from asteroid_cloud.api.service import read_executor as reads
from asteroid_cloud.api.service.reading.bounds import ReadBounds
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio


@pytest.fixture
async def line(http: Http, store: Store) -> Http:
    """Ten vectors on a line: id i lies at distance i from the origin."""
    await store.insert_batch([(id, [float(id), 0, 0, 0], {"n": id, "odd": id % 2 == 1}) for id in range(10)])
    return http


async def test_hits_ascend_and_have_the_root_of_the_squares(line: Http) -> None:
    told = await line.send("POST", "/v1/search", {"vector": ZEROS, "k": 3}, status=200)
    assert told == {"results": [{"id": id, "distance": pytest.approx(id, abs=0.05)} for id in range(3)]}
    assert await line.found(vector=ZEROS) == list(range(10))
    assert await line.found(vector=ZEROS, k=10_000) == list(range(10))


async def test_every_field_has_its_effect(line: Http) -> None:
    assert await line.found(vector=ZEROS, k=2, offset=3) == [3, 4]
    assert await line.found(vector=ZEROS, max_distance=2.5) == [0, 1, 2]
    assert await line.found(vector=ZEROS, k=2, filter={"odd": True}) == [1, 3]
    assert await line.found(vector=ZEROS, k=2, exact=True, ef_search=1) == [0, 1]
    assert await line.found(id=5, k=2) == [4, 6]
    assert await line.found(id="0", k=2) == [1, 2]
    assert await line.found(vector=ZEROS, k=1, max_scan_candidates=5) == [0]
    body = {"vector": ZEROS, "k": 1, "include": ["vector", "payload"], "explain": True}
    told = await line.send("POST", "/v1/search", body, status=200)
    assert told["results"] == [{"id": 0, "distance": 0.0, "payload": {"n": 0, "odd": False}, "vector": ZEROS}]
    assert told["explain"]["matches"] == 10
    assert told["explain"]["parts"][0]["rows"] == 10


async def test_an_empty_index_has_no_hits(http: Http) -> None:
    assert await http.send("POST", "/v1/search", {"vector": ZEROS}, status=200) == {"results": []}
    await http.refused("POST", "/v1/search", {"id": 1}, status=404, code="not_found")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"k": 0}, "bad_k"),
        ({"k": -1}, "bad_k"),
        ({"k": 10_001}, "bad_k"),
        ({"k": 1.0}, "bad_k"),
        ({"k": "1"}, "bad_k"),
        ({"k": True}, "bad_k"),
        ({"k": None}, "bad_k"),
        ({"ef_search": 0}, "bad_ef_search"),
        ({"ef_search": 10**9}, "bad_ef_search"),
        ({"ef_search": "x"}, "bad_ef_search"),
        ({"offset": -1}, "bad_offset"),
        ({"offset": 1.5}, "bad_offset"),
        ({"max_distance": "far"}, "bad_max_distance"),
        ({"max_distance": True}, "bad_max_distance"),
        ({"include": ["id"]}, "bad_include"),
        ({"include": [1]}, "bad_include"),
        ({"exact": 1}, "bad_exact"),
        ({"explain": "yes"}, "bad_explain"),
        ({"min_lsn": -1}, "bad_min_lsn"),
        ({"min_lsn": 1.0}, "bad_min_lsn"),
        ({"filter": None}, "bad_filter"),
        ({"filter": []}, "bad_filter"),
        ({"filter": {"a": {"$regex": "("}}}, "bad_filter"),
        ({"filter": {"a": "x" * 2**20}}, "bad_filter"),
        ({"filter": {"a": {"$in": [1] * 20_001}}}, "bad_filter"),
        ({"filters": {}}, "unknown_field"),
        ({"id": 1}, "bad_vector"),
        ({"vector": None}, "bad_vector"),
    ],
)
async def test_a_bad_field_is_refused_alone_and_in_a_batch(
    line: Http, fields: dict[str, Any], code: str
) -> None:
    body = {"vector": ZEROS} | fields
    await line.refused("POST", "/v1/search", body, status=400, code=code)
    batch = {"searches": [{"vector": ZEROS}, body]}
    told = await line.refused("POST", "/v1/search/batch", batch, status=400, code=code)
    assert code == "bad_min_lsn" or told["index"] == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"vector":[0,0,0,0],"max_distance":NaN}', "bad_max_distance"),
        (b'{"vector":[0,0,0,0],"filter":{"a":Infinity}}', "bad_filter"),
        (b'{"vector":[0,0,0,0],"filter":' + b"[" * 100_000, "bad_json"),
        (b'{"vector":[0,0,0,0],}', "bad_json"),
        (b"{}", "bad_vector"),
        (b"null", "bad_json"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(http: Http, body: bytes, code: str) -> None:
    await http.refused("POST", "/v1/search", body, status=400, code=code)


async def test_a_batch_of_searches_is_answered_in_order(line: Http) -> None:
    searches = [{"vector": ZEROS, "k": 1}, {"id": 9, "k": 1, "explain": True}, {"vector": ZEROS, "k": 2}]
    told = await line.send("POST", "/v1/search/batch", {"searches": searches}, status=200)
    found = [[hit["id"] for hit in each["results"]] for each in told["results"]]
    assert found == [[0], [8], [0, 1]]
    assert ["explain" in each for each in told["results"]] == [False, True, False]
    assert await line.send("POST", "/v1/search/batch", {"searches": []}, status=200) == {"results": []}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_field"),
        ({"searches": {}}, 400, "bad_request"),
        ({"searches": [1]}, 400, "bad_request"),
        ({"searches": [{"vector": ZEROS}], "k": 1}, 400, "unknown_field"),
        ({"searches": [{"vector": [1.0]}]}, 400, "wrong_dim"),
        ({"searches": [{"vector": ZEROS}] * 1_001}, 413, "batch_too_large"),
        ({"searches": [{"id": 99}]}, 404, "not_found"),
    ],
)
async def test_a_bad_batch_is_refused(line: Http, body: object, status: int, code: str) -> None:
    await line.refused("POST", "/v1/search/batch", body, status=status, code=code)


async def test_a_batch_names_a_number_that_is_no_json(line: Http) -> None:
    body = b'{"searches":[{"vector":[0,0,0,0]},{"vector":[0,0,0,NaN]}]}'
    await line.refused("POST", "/v1/search/batch", body, status=400, code="bad_vector")


async def test_counts_are_exact(line: Http) -> None:
    assert await line.send("POST", "/v1/count", {}, status=200) == {"count": 10}
    assert await line.send("POST", "/v1/count", None, status=200) == {"count": 10}
    assert await line.send("POST", "/v1/count", {"filter": {"n": {"$lt": 3}}}, status=200) == {"count": 3}
    await line.refused("POST", "/v1/count", {"filter": 1}, status=400, code="bad_filter")
    await line.refused("POST", "/v1/count", {"where": {}}, status=400, code="unknown_field")


READS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/v1/index", None),
    ("GET", "/v1/stats", None),
    ("GET", "/v1/vectors/1", None),
    ("GET", "/v1/vectors/1/payload", None),
    ("POST", "/v1/vectors/fetch", {"ids": [1]}),
    ("POST", "/v1/vectors/scroll", {}),
    ("POST", "/v1/search", {"vector": ZEROS}),
    ("POST", "/v1/search/batch", {"searches": [{"vector": ZEROS}]}),
    ("POST", "/v1/count", {}),
    ("POST", "/v1/facets", {"field": "n"}),
    ("POST", "/v1/range", {"field": "n"}),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
async def test_a_read_waits_for_the_lsn_it_wants(
    line: Http,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    monkeypatch.setattr(reads, "MIN_LSN_WAIT_S_MAX", 0.01)
    newest = store.engine.applied_lsn
    header = {"X-Asteroid-Min-LSN": str(newest)}
    await line.send(method, path, body, status=200, headers=header)
    assert line.lsn == newest
    header = {"X-Asteroid-Min-LSN": str(newest + 1)}
    answer = await line.client.request(method, path, json=body, headers=header)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_caught_up")
    assert int(answer.headers["Retry-After"]) >= 1
    if body is not None:
        await line.send(method, path, body | {"min_lsn": newest}, status=200)
        wanted = body | {"min_lsn": newest + 1}
        await line.refused(method, path, wanted, status=503, code="not_caught_up")
    for bad in ("x", "-1", "1.0", "9" * 30):
        header = {"X-Asteroid-Min-LSN": bad}
        await line.refused(method, path, body, status=400, code="bad_min_lsn", headers=header)


async def test_a_read_goes_on_when_the_lsn_comes(line: Http, store: Store) -> None:
    wanted = store.engine.applied_lsn + 1
    async with anyio.create_task_group() as group:

        async def read() -> None:
            body = {"vector": [50.0, 0, 0, 0], "k": 1, "min_lsn": wanted}
            told = await line.send("POST", "/v1/search", body, status=200)
            assert told["results"][0]["id"] == 50

        group.start_soon(read)
        await store.insert(50, [50.0, 0, 0, 0])


async def test_distances_beyond_float32_are_right(http: Http) -> None:
    await http.insert(1, [3e38] * DIM)
    item = {"id": 2, "vector": [2e38] * DIM}
    await http.send("POST", "/v1/vectors/batch", {"items": [item]}, status=201)
    body = {"vector": [-3e38] * DIM}
    right = [{"id": 2, "distance": pytest.approx(10e38)}, {"id": 1, "distance": pytest.approx(12e38)}]
    assert await http.send("POST", "/v1/search", body, status=200) == {"results": right}
    told = await http.send("POST", "/v1/search/batch", {"searches": [body]}, status=200)
    assert told["results"][0]["results"] == right
    assert await http.found(**body, max_distance=11e38) == [2]
    assert await http.found(id=1) == [2]


async def test_recall_is_measured_with_stored_vectors(line: Http) -> None:
    assert await line.send("POST", "/v1/recall", status=200) == {"recall": 1.0, "worst": 1.0, "samples": 10}
    body = {"num": 3, "k": 2, "ef_search": 1, "filter": {"odd": True}, "min_lsn": line.lsn}
    assert (await line.send("POST", "/v1/recall", body, status=200))["samples"] == 3
    none = await line.send("POST", "/v1/recall", {"filter": {"$or": []}}, status=200)
    assert none == {"recall": 1.0, "worst": 1.0, "samples": 0}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"num": 0}, "bad_num"),
        ({"num": 1_001}, "bad_num"),
        ({"num": 1.0}, "bad_num"),
        ({"num": None}, "bad_num"),
        ({"k": 0}, "bad_k"),
        ({"k": "1"}, "bad_k"),
        ({"ef_search": 0}, "bad_ef_search"),
        ({"ef_search": True}, "bad_ef_search"),
        ({"filter": []}, "bad_filter"),
        ({"min_lsn": -1}, "bad_min_lsn"),
        ({"vector": ZEROS}, "unknown_field"),
    ],
)
async def test_a_bad_measurement_is_refused(line: Http, fields: dict[str, Any], code: str) -> None:
    await line.refused("POST", "/v1/recall", fields, status=400, code=code)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {"vector": ZEROS}),
        ("/v1/search/batch", {"searches": [{"vector": ZEROS}]}),
        ("/v1/count", {}),
        ("/v1/facets", {"field": "a"}),
        ("/v1/range", {"field": "a"}),
        ("/v1/recall", {}),
        ("/v1/vectors/scroll", {"limit": 5}),
        ("/v1/vectors/delete", {}),
        ("/v1/vectors/patch", {"patch": {"b": 1}}),
    ],
)
async def test_a_read_beyond_its_budget_names_its_filter(
    http: Http, store: Store, path: str, body: dict[str, Any]
) -> None:
    await store.insert_batch([(id, ZEROS, {"a": id}) for id in range(40)])
    store.served.reads.bounds = ReadBounds(budget_s=1e-6)
    filter = {"filter": {"$or": [{"a": n} for n in range(100, 300)]}}
    asked = {"searches": [body["searches"][0] | filter]} if "searches" in body else body | filter
    told = await http.refused("POST", path, asked, status=503, code="too_costly")
    assert told["limit_s"] == 1e-6
    assert 'the filter or(["a"]=100' in told["error"]
    store.served.reads.bounds = ReadBounds()
    assert int(await store.count({"a": {"$gte": 0}})) == 40
