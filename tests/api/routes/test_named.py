"""The routes of a collection under its name do what they do without it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio
NAMED = "/v1/collections/default"


async def test_both_paths_lead_to_the_same_rows(http: Http) -> None:
    await http.send("POST", f"{NAMED}/vectors", {"id": 7, "vector": ZEROS, "metadata": {"a": 1}}, status=201)
    assert await http.send("GET", "/v1/vectors/7/payload", status=200) == {"a": 1}
    await http.send("PUT", "/v1/vectors/8", {"vector": ZEROS}, status=200)
    assert await http.send("POST", f"{NAMED}/count", {}, status=200) == {"count": 2}
    told = await http.send("POST", f"{NAMED}/search", {"vector": ZEROS, "k": 5}, status=200)
    assert [hit["id"] for hit in told["results"]] == [7, 8]
    assert (await http.send("GET", f"{NAMED}/index", status=200))["dim"] == DIM
    await http.send("DELETE", f"{NAMED}/vectors/7", status=204)
    assert await http.found(vector=ZEROS) == [8]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_unknown_collection_is_told(http: Http, method: str) -> None:
    answer = await http.client.request(method, "/v1/collections/none/stats")
    assert answer.status_code == 404
    if method == "GET":
        assert answer.json()["code"] == "no_collection"


async def test_its_index_is_neither_made_nor_deleted_by_the_old_calls(http: Http) -> None:
    for method in ("PUT", "DELETE"):
        await http.refused(method, f"{NAMED}/index", {"dim": DIM}, status=404, code="not_found")


@pytest.mark.parametrize("id", ["a/payload", "a//", "x", "é"])
async def test_an_id_of_another_kind_is_refused_as_itself(http: Http, id: str) -> None:
    for prefix in ("/v1", NAMED):
        told = await http.refused("GET", f"{prefix}/vectors/{quote(id, safe='')}", status=400, code="bad_id")
        assert id in told["error"]
    await http.refused("GET", "/v1/vectors/%FF", status=400, code="bad_id")
    await http.refused("GET", "/v1/vectors/%2E%2E", status=400, code="bad_id")
