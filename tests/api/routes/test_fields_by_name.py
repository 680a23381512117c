"""Fields of a named collection whose ids are strings: ordered walks, facets, lists and chosen fields."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.support.asking import Http

pytestmark = pytest.mark.anyio
BOOKS = "/v1/collections/books"
IDS = ["é", "b", "B", "a//", "b\x00", "\U0001f600", "\uffff", "10", "9"]


async def filled(http: Http, name: str = "books") -> None:
    path = f"/v1/collections/{name}"
    await http.send("PUT", path, {"dim": 2, "ids": "string"}, status=200)
    items: list[dict[str, Any]] = [
        {"id": id, "vector": [1, 0], "metadata": {"size.cm": number % 3, "lang": "ende"[number % 2 :]}}
        for number, id in enumerate(IDS)
    ]
    await http.send("POST", f"{path}/vectors/batch", {"items": items}, status=201)


async def walk(http: Http, body: dict[str, Any]) -> list[str]:
    ids: list[str] = []
    cursor = None
    for _ in range(100):
        asked = body if cursor is None else body | {"cursor": cursor}
        page = await http.send("POST", f"{BOOKS}/vectors/scroll", asked, status=200)
        ids += [each["id"] for each in page["vectors"]]
        cursor = page.get("cursor")
        if cursor is None:
            return ids
    raise AssertionError("a walk without an end")


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_ties_are_in_the_order_of_utf_8(http: Http, direction: str) -> None:
    await filled(http)
    order = {"field": r"size\.cm", "direction": direction}
    by_id = sorted(IDS, key=lambda id: id.encode())
    wanted = sorted(by_id, key=lambda id: (IDS.index(id) % 3) * (1 if direction == "asc" else -1))
    for limit in (1, 2, 100):
        assert await walk(http, {"limit": limit, "order_by": order}) == wanted


async def test_a_walk_goes_on_beside_writers(http: Http) -> None:
    await filled(http)
    met: list[str] = []

    async def write(number: int) -> None:
        for step in range(20):
            body = {"vector": [0, 1], "metadata": {r"size.cm": step}}
            await http.send("PUT", f"{BOOKS}/vectors/new-{number}-{step % 5}", body, status=200)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(write, number)
        met = await walk(http, {"limit": 1, "order_by": {"field": r"size\.cm"}})
    old = [id for id in met if not id.startswith("new-")]
    by_id = sorted(IDS, key=lambda id: id.encode())
    assert old == sorted(by_id, key=lambda id: IDS.index(id) % 3), "rows that stay are met once, in order"


async def test_an_ordered_cursor_is_of_its_collection(http: Http) -> None:
    await filled(http)
    await filled(http, "films")
    body = {"limit": 2, "order_by": {"field": "lang"}}
    page = await http.send("POST", f"{BOOKS}/vectors/scroll", body, status=200)
    asked = body | {"cursor": page["cursor"]}
    await http.refused(
        "POST", "/v1/collections/films/vectors/scroll", asked, status=409, code="other_history"
    )
    await http.send("PUT", "/v1/aliases/best", {"collection": "books"}, status=200)
    await http.send("POST", "/v1/collections/best/vectors/scroll", asked, status=200)
    await http.send("PUT", "/v1/aliases/best", {"collection": "films"}, status=200)
    await http.refused("POST", "/v1/collections/best/vectors/scroll", asked, status=409, code="other_history")


async def test_facets_and_fields_of_a_named_collection(http: Http) -> None:
    await filled(http)
    body = {"field": r"size\.cm", "order": "value", "offset": 1, "limit": 1}
    told = await http.send("POST", f"{BOOKS}/facets", body, status=200)
    assert (told["values"], told["distinct"]) == ([{"value": 1, "count": 3}], 3)
    body = {"field": "lang", "contains": "en"}
    told = await http.send("POST", f"{BOOKS}/facets", body, status=200)
    assert told["values"] == [{"value": "ende", "count": 5}]
    told = await http.send("GET", f"{BOOKS}/fields", status=200)
    assert told["fields"] == [
        {"path": "lang", "kinds": ["string"], "count": 9},
        {"path": r"size\.cm", "kinds": ["number"], "count": 9},
    ]
    chosen = {"limit": 1, "fields": [r"size\.cm"], "order_by": {"field": r"size\.cm", "direction": "desc"}}
    page = await http.send("POST", f"{BOOKS}/vectors/scroll", chosen, status=200)
    assert page["vectors"][0]["payload"] == {"size.cm": 2}
    unset = {"ids": ["b"], "unset": [r"size\.cm"]}
    assert (await http.send("POST", f"{BOOKS}/vectors/set", unset, status=200))["set"] == 1
    assert await http.send("GET", f"{BOOKS}/vectors/b/payload", status=200) == {"lang": "nde"}
