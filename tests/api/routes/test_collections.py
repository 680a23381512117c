"""Collections and aliases over HTTP (§7)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.settings import Settings
from tests.support.asgi import app_over
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio
BOOKS = "/v1/collections/books"
DEFINITION = {
    "name": "books",
    "dim": 2,
    "metric": "cosine",
    "bits": 8,
    "ids": "integer",
    "vector": "required",
}


async def make(http: Http, name: str, **asked: Any) -> Any:
    """A collection of two dimensions."""
    return await http.send("PUT", f"/v1/collections/{name}", {"dim": 2} | asked, status=200)


async def names(http: Http) -> list[str]:
    """Of the collections in the list."""
    told = await http.send("GET", "/v1/collections", status=200)
    return [each["name"] for each in told["collections"]]


async def test_a_collection_is_what_was_asked_for(http: Http) -> None:
    assert await make(http, "books", metric="Cosine", bits=8) == DEFINITION
    assert await http.send("GET", BOOKS, status=200) == DEFINITION
    shown = await http.send("GET", f"{BOOKS}/index", status=200)
    assert shown.items() >= {"initialized": True, "dim": 2, "metric": "cosine", "bits": 8}.items()


async def test_the_same_again_is_compared_in_the_fields_that_are_given(http: Http) -> None:
    await make(http, "books", metric="cosine", bits=8)
    for same in ({}, {"dim": 2}, {"metric": "COSINE"}, {"bits": 8, "ids": "integer", "vector": "required"}):
        assert await http.send("PUT", BOOKS, same, status=200) == DEFINITION
    for other in (
        {"dim": 3},
        {"metric": "l2"},
        {"dim": 2, "bits": 16},
        {"ids": "string"},
        {"vector": "optional"},
    ):
        await http.refused("PUT", BOOKS, other, status=409, code="collection_differs")
    await http.refused("PUT", BOOKS, {"dim": "2"}, status=400, code="bad_dim")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_field"),
        ({"dim": 0}, "bad_dim"),
        ({"dim": True}, "bad_dim"),
        ({"dim": None}, "bad_dim"),
        ({"dim": 2, "metric": "taxi"}, "bad_metric"),
        ({"dim": 2, "metric": None}, "bad_metric"),
        ({"dim": 2, "bits": 7}, "bad_bits"),
        ({"dim": 2, "ids": "uuid"}, "bad_ids"),
        ({"dim": 2, "vector": None}, "bad_vector"),
        ({"dim": 2, "text": {"fields": {"a": {"language": "klingon"}}}}, "bad_text"),
        ({"dim": 2, "name": "books"}, "unknown_field"),
        ([], "bad_json"),
    ],
)
async def test_what_no_collection_can_be_is_refused(http: Http, body: object, code: str) -> None:
    await http.refused("PUT", BOOKS, body, status=400, code=code)
    await http.refused("GET", BOOKS, status=404, code="no_collection")


@pytest.mark.parametrize("name", ["A", "-a", "_a", "a.b", "a b", "é", "a" * 64, "..", "%2e", "a%2Fb", "%FF"])
async def test_a_name_that_is_none_is_refused(http: Http, name: str) -> None:
    sent = name.replace(" ", "%20").replace("é", "%C3%A9").replace("..", "%2E%2E")
    path = f"/v1/collections/{sent}"
    await http.refused("PUT", path, {"dim": 2}, status=400, code="bad_collection_name")
    await http.refused("DELETE", path, status=400, code="bad_collection_name")
    await http.refused(
        "PUT", f"/v1/aliases/{sent}", {"collection": "default"}, status=400, code="bad_collection_name"
    )


async def test_collections_share_nothing_but_the_server(http: Http) -> None:
    await make(http, "books")
    await make(http, "films")
    for name, place in (("books", 1.0), ("films", 2.0)):
        row = {"id": 7, "vector": [place, 0], "metadata": {"in": name}}
        await http.send("POST", f"/v1/collections/{name}/vectors", row, status=201)
    await http.send("DELETE", "/v1/collections/films/vectors/7", status=204)
    assert await http.send("GET", f"{BOOKS}/vectors/7/payload", status=200) == {"in": "books"}
    assert (await http.send("POST", "/v1/collections/films/count", {}, status=200))["count"] == 0
    assert (await http.send("POST", "/v1/count", {}, status=200))["count"] == 0
    told = await http.client.get(f"{BOOKS}/stats")
    other = await http.client.get("/v1/stats")
    assert told.json()["vectors"] == 1
    assert told.headers["X-Asteroid-Store"] != other.headers["X-Asteroid-Store"]
    assert "X-Asteroid-Collection" not in told.headers


async def test_every_group_of_calls_works_in_a_collection(http: Http) -> None:
    await make(http, "books")
    rows = [{"id": id, "vector": [float(id), 0.0], "metadata": {"n": id}} for id in range(5)]
    await http.send("POST", f"{BOOKS}/vectors/batch", {"items": rows}, status=201)
    ask = {"vector": [0.9, 0.0], "k": 2}
    found = await http.send("POST", f"{BOOKS}/search", ask, status=200)
    assert [hit["id"] for hit in found["results"]] == [1, 0]
    found = await http.send("POST", f"{BOOKS}/search/batch", {"searches": [ask, ask]}, status=200)
    assert len(found["results"]) == 2
    assert (await http.send("POST", f"{BOOKS}/facets", {"field": "n"}, status=200))["distinct"] == 5
    assert (await http.send("POST", f"{BOOKS}/range", {"field": "n"}, status=200))["numbers"]["max"] == 4
    assert (await http.send("POST", f"{BOOKS}/recall", {"num": 2}, status=200))["recall"] == 1
    patch = {"filter": {"n": {"$gte": 3}}, "patch": {"late": True}}
    assert (await http.send("POST", f"{BOOKS}/vectors/patch", patch, status=200))["patched"] == 2
    assert (await http.send("POST", f"{BOOKS}/vectors/delete", {"ids": [0]}, status=200))["deleted"] == 1
    feed = (await http.client.get(f"{BOOKS}/changes")).text.splitlines()
    assert '"create_index"' in feed[0]
    assert '"end"' in feed[-1]
    await http.send("POST", f"{BOOKS}/flush", {}, status=200)
    await http.send("POST", f"{BOOKS}/tags", {"name": "t"}, status=201)
    assert len((await http.send("GET", f"{BOOKS}/tags", status=200))["tags"]) == 1
    await http.send("DELETE", f"{BOOKS}/tags/t", status=204)
    await http.send("POST", f"{BOOKS}/purge", {}, status=200)
    await http.send("GET", f"{BOOKS}/recovery", status=200)
    await make(http, "raw")
    load = {"X-Asteroid-N": "2", "X-Asteroid-Dim": "2"}
    told = await http.send("POST", "/v1/collections/raw/build/bulk", bytes(16), status=200, headers=load)
    assert told["n"] == 2


async def test_the_list_is_by_name_and_says_how_large_each_is(http: Http) -> None:
    for name in ("films", "books", "9"):
        await make(http, name)
    await http.send("POST", f"{BOOKS}/vectors", {"id": 1, "vector": [0, 0]}, status=201)
    told = await http.send("GET", "/v1/collections", status=200)
    assert [each["name"] for each in told["collections"]] == ["9", "books", "default", "films"]
    books = told["collections"][1]
    assert books["vectors"] == 1
    assert books["bytes"] > 0
    assert {name: books[name] for name in DEFINITION} == DEFINITION | {"metric": "l2", "bits": 16}


async def test_default_is_a_collection_while_it_has_an_index(http: Http) -> None:
    await http.refused(
        "PUT", "/v1/collections/default", {"dim": DIM + 1}, status=409, code="collection_differs"
    )
    assert (await http.send("GET", "/v1/collections/default", status=200))["dim"] == DIM
    assert await http.send("DELETE", "/v1/collections/default", status=200) == {"deleted": True}
    assert await http.send("DELETE", "/v1/collections/default", status=200) == {"deleted": False}
    await http.refused("GET", "/v1/collections/default", status=404, code="no_collection")
    assert await names(http) == []
    await http.send("PUT", "/v1/collections/default", {"dim": 2}, status=200)
    assert (await http.send("GET", "/v1/index", status=200))["dim"] == 2


async def test_a_deleted_collection_is_gone_with_its_aliases(http: Http) -> None:
    await make(http, "books")
    await http.send("PUT", "/v1/aliases/live", {"collection": "books"}, status=200)
    assert await http.send("DELETE", BOOKS, status=200) == {"deleted": True}
    assert await http.send("DELETE", BOOKS, status=200) == {"deleted": False}
    for path in (BOOKS, f"{BOOKS}/stats", "/v1/collections/live/stats", "/v1/aliases/live"):
        await http.refused("GET", path, status=404, code="no_collection")
    await make(http, "books", metric="ip")
    assert (await http.send("POST", f"{BOOKS}/count", {}, status=200))["count"] == 0


async def test_an_alias_is_followed_and_says_where_it_led(http: Http) -> None:
    for name in ("v1", "v2"):
        await make(http, name)
    assert await http.send("PUT", "/v1/aliases/live", {"collection": "v1"}, status=200) == {
        "alias": "live",
        "collection": "v1",
    }
    row = {"id": 1, "vector": [1.0, 0.0]}
    wrote = await http.client.post("/v1/collections/live/vectors", json=row)
    assert (wrote.status_code, wrote.headers["X-Asteroid-Collection"]) == (201, "v1")
    missing = await http.client.get("/v1/collections/live/vectors/9")
    assert (missing.status_code, missing.headers["X-Asteroid-Collection"]) == (404, "v1")
    await http.send("PUT", "/v1/aliases/live", {"collection": "v2"}, status=200)
    counted = await http.client.post("/v1/collections/live/count", json={})
    assert counted.json()["count"] == 0
    assert counted.headers["X-Asteroid-Collection"] == "v2"
    assert (await http.send("GET", "/v1/collections/live", status=200))["name"] == "v2"
    await http.send("PUT", "/v1/aliases/also", {"collection": "default"}, status=200)
    shown = await http.send("GET", "/v1/aliases", status=200)
    assert shown["aliases"] == [
        {"alias": "also", "collection": "default"},
        {"alias": "live", "collection": "v2"},
    ]
    assert await http.send("DELETE", "/v1/aliases/live", status=200) == {"deleted": True}
    assert await http.send("DELETE", "/v1/aliases/live", status=200) == {"deleted": False}
    await http.refused("GET", "/v1/collections/live/stats", status=404, code="no_collection")
    assert (await http.send("POST", "/v1/collections/v1/count", {}, status=200))["count"] == 1


async def test_names_are_one_space(http: Http) -> None:
    await make(http, "books")
    await http.send("PUT", "/v1/aliases/live", {"collection": "books"}, status=200)
    await http.refused("PUT", "/v1/aliases/books", {"collection": "default"}, status=409, code="name_taken")
    await http.refused("PUT", "/v1/aliases/default", {"collection": "books"}, status=409, code="name_taken")
    await http.refused("PUT", "/v1/collections/live", {"dim": 2}, status=409, code="name_taken")
    await http.refused("DELETE", "/v1/collections/live", status=409, code="name_taken")
    await http.refused("PUT", "/v1/aliases/more", {"collection": "live"}, status=404, code="no_collection")
    await http.refused("PUT", "/v1/aliases/more", {"collection": "none"}, status=404, code="no_collection")
    await http.refused("PUT", "/v1/aliases/more", {"collection": 7}, status=400, code="bad_collection_name")
    await http.refused("PUT", "/v1/aliases/more", {}, status=400, code="missing_field")


async def test_a_cursor_is_of_its_collection(http: Http) -> None:
    items = [{"id": id, "vector": [0.0, 0.0]} for id in range(4)]
    for name in ("v1", "v2"):
        await make(http, name)
        await http.send("POST", f"/v1/collections/{name}/vectors/batch", {"items": items}, status=201)
    await http.send("PUT", "/v1/aliases/live", {"collection": "v1"}, status=200)
    live = "/v1/collections/live/vectors/scroll"
    page = await http.send("POST", live, {"limit": 2}, status=200)
    more = {"limit": 2, "cursor": page["cursor"]}
    assert [row["id"] for row in (await http.send("POST", live, more, status=200))["vectors"]] == [2, 3]
    await http.send("POST", "/v1/collections/v1/vectors/scroll", more, status=200)
    await http.send("PUT", "/v1/aliases/live", {"collection": "v2"}, status=200)
    told = await http.refused("POST", live, more, status=409, code="other_history")
    assert (told["branched_at"], told["began_at"]) == (0, 0)
    await http.refused("POST", "/v1/vectors/scroll", more, status=409, code="other_history")


async def test_a_cursor_of_before_there_were_collections_is_of_default(http: Http) -> None:
    for id in range(4):
        await http.insert(id, ZEROS)
    await make(http, "books")
    page = await http.send("POST", "/v1/vectors/scroll", {"limit": 2}, status=200)
    more = {"limit": 2, "cursor": page["cursor"]}
    for path in ("/v1/vectors/scroll", "/v1/collections/default/vectors/scroll"):
        assert len((await http.send("POST", path, more, status=200))["vectors"]) == 2
    await http.refused("POST", f"{BOOKS}/vectors/scroll", more, status=409, code="other_history")
    named = await http.send("POST", "/v1/collections/default/vectors/scroll", {"limit": 2}, status=200)
    more = {"limit": 2, "cursor": named["cursor"]}
    assert len((await http.send("POST", "/v1/vectors/scroll", more, status=200))["vectors"]) == 2
    for broken in ("", ".", "x.y", named["cursor"] + "0"):
        answer = await http.client.post(f"{BOOKS}/vectors/scroll", json={"cursor": broken})
        assert answer.status_code in (400, 409), broken


async def test_a_key_is_of_one_collection(http: Http) -> None:
    for name in ("v1", "v2"):
        await make(http, name)
    row, key = {"id": 1, "vector": [1.0, 0.0]}, {"Idempotency-Key": "k"}
    first = await http.send("POST", "/v1/collections/v1/vectors", row, status=201, headers=key)
    assert await http.send("POST", "/v1/collections/v1/vectors", row, status=201, headers=key) == first
    other = row | {"id": 2}
    await http.send("POST", "/v1/collections/v2/vectors", other, status=201, headers=key)
    await http.refused(
        "POST", "/v1/collections/v1/vectors", other, status=422, code="idempotency_mismatch", headers=key
    )


async def test_it_is_ready_once_any_collection_is_there(tmp_path: Path) -> None:
    async with api.open(tmp_path / "data") as store:
        transport = httpx.ASGITransport(app_over(Settings(data=store.path), store))  # type: ignore[arg-type]
        kind = {"Content-Type": "application/json"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=kind
        ) as client:
            http = Http(client)
            await http.refused("GET", "/ready", status=503, code="not_ready")
            await make(http, "books")
            assert (await client.get("/ready")).json() == {"status": "ok"}
            await http.send("DELETE", BOOKS, status=200)
            await http.refused("GET", "/ready", status=503, code="not_ready")


async def test_what_a_limited_key_sees_and_may_alias(store: Store, tmp_path: Path) -> None:
    lines = {
        "boss": "boss:admin",
        "tenant": "tenant:admin:books,live",
        "reader": "reader:read:live",
    }
    digests = {name: sha256(f"the-key-of-{name}".encode()).hexdigest() for name in lines}
    text = [f"{about} sha256:{digests[name]}" for name, about in lines.items()]
    (tmp_path / "keys").write_text("\n".join(text))
    app = app_over(Settings(data=store.path, api_keys=str(tmp_path / "keys")), store)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the application's own ASGI types

    async def ask(name: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer the-key-of-{name}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            return await client.request(method, path, json=body)

    for name in ("books", "films"):
        assert (await ask("boss", "PUT", f"/v1/collections/{name}", {"dim": 2})).status_code == 200
    assert (await ask("tenant", "PUT", "/v1/collections/more", {"dim": 2})).status_code == 403
    assert (await ask("tenant", "PUT", "/v1/aliases/live", {"collection": "films"})).status_code == 403
    assert (await ask("tenant", "PUT", "/v1/aliases/live", {"collection": "books"})).status_code == 200
    assert (await ask("boss", "PUT", "/v1/aliases/all", {"collection": "films"})).status_code == 200
    seen = (await ask("tenant", "GET", "/v1/collections")).json()["collections"]
    assert [each["name"] for each in seen] == ["books"]
    assert (await ask("reader", "GET", "/v1/collections")).json() == {"collections": []}
    assert (await ask("reader", "GET", "/v1/aliases")).json()["aliases"] == [
        {"alias": "live", "collection": "books"}
    ]
    assert (await ask("reader", "POST", "/v1/collections/live/count", {})).json() == {"count": 0}
    assert (await ask("reader", "POST", "/v1/collections/books/count", {})).status_code == 403
    assert (await ask("reader", "DELETE", "/v1/aliases/live")).status_code == 403
