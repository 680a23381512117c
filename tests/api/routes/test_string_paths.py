"""Ids that are strings in paths: each is reachable, whatever it holds (§8)."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.asking import Http

pytestmark = pytest.mark.anyio
BOOKS = "/v1/collections/books"
IDS = [
    "batch",
    "fetch",
    "a/payload",
    "a//",
    "payload",
    "%2F",
    "a b",
    "é",
    "\U0001f600",
    "...",
    "?",
    "#",
    "0",
    "+",
]


async def test_each_id_is_reachable_in_a_path(http: Http) -> None:
    await http.send("PUT", BOOKS, {"dim": 2, "ids": "string"}, status=200)
    for id in IDS:
        path = f"{BOOKS}/vectors/{quote(id, safe='')}"
        assert (await http.send("PUT", path, {"vector": [1, 0]}, status=200))["id"] == id
        await http.send("PUT", f"{path}/payload", {"is": id}, status=200)
    for id in IDS:
        path = f"{BOOKS}/vectors/{quote(id, safe='')}"
        assert (await http.send("GET", path, status=200))["id"] == id
        assert await http.send("GET", f"{path}/payload", status=200) == {"is": id}
    assert (await http.send("POST", f"{BOOKS}/count", {}, status=200))["count"] == len(IDS)
    for id in IDS:
        await http.send("DELETE", f"{BOOKS}/vectors/{quote(id, safe='')}", status=204)
    assert (await http.send("POST", f"{BOOKS}/count", {}, status=200))["count"] == 0


async def test_what_no_path_can_name_is_refused(http: Http) -> None:
    await http.send("PUT", BOOKS, {"dim": 2, "ids": "string"}, status=200)
    for sent in ("%2E", "%2E%2E", "%FF", "a%C3", quote("x" * 513)):
        await http.refused("GET", f"{BOOKS}/vectors/{sent}", status=400, code="bad_id")
    for sent in ("", "a/b", "a/payload/"):
        await http.refused("GET", f"{BOOKS}/vectors/{sent}", status=404, code="not_found")
