"""Tags and purges over HTTP and from programs."""

from __future__ import annotations

from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.client import AsyncClient
from asteroid_cloud.wal.errors import NotFound
from ops.forked_server import ForkedServer
from tests.support.asking import ZEROS, Http

pytestmark = pytest.mark.anyio


async def test_tags_come_and_go(http: Http) -> None:
    await http.insert(1, ZEROS)
    made = await http.send("POST", "/v1/tags", {"name": "one"}, status=201)
    assert (made["name"], made["lsn"], made["vectors"]) == ("one", 2, 1)
    await http.refused("POST", "/v1/tags", {"name": "one"}, status=409, code="tag_exists")
    await http.refused("POST", "/v1/tags", {"name": "../x"}, status=400, code="bad_tag_name")
    await http.refused("DELETE", "/v1/tags/two", status=404, code="no_tag")
    await http.refused("DELETE", "/v1/tags/..", status=404, code="not_found")
    assert [tag["name"] for tag in (await http.send("GET", "/v1/tags", status=200))["tags"]] == ["one"]
    await http.send("DELETE", "/v1/tags/one", status=204)
    assert (await http.send("GET", "/v1/tags", status=200))["tags"] == []


async def test_a_purge_says_what_it_did(http: Http, store: Store) -> None:
    for id in range(3):
        await http.insert(id, ZEROS)
    await store.flush()
    await http.send("POST", "/v1/tags", {"name": "one"}, status=201)
    await http.send("DELETE", "/v1/vectors/1", status=204)
    report = await http.send("POST", "/v1/purge", status=200)
    assert (report["rows_erased"], report["tags_removed"], report["not_ours"]) == (1, ["one"], [])
    assert report["log_first_lsn"] > report["lsn"] == store.engine.applied_lsn
    await http.refused("GET", "/v1/changes", status=410, code="changes_pruned")


def test_the_blocking_store_has_them_too(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path, dim=4) as store:
        store.insert(1, ZEROS)
        assert store.tag("one") == store.tags()[0]
        store.untag("one")
        with pytest.raises(NotFound):
            store.untag("one")
        assert store.purge().tags_removed == []


async def test_a_client_against_a_server(tmp_path: Path) -> None:
    with ForkedServer(tmp_path) as server:
        async with AsyncClient(base_url=server.url) as client:
            await client.create_index(4)
            await client.insert(1, ZEROS)
            await client.tag("one")
            await client.delete(1)
            assert (await client.tags())[0].name == "one"
            report = await client.purge()
            assert report.tags_removed == ["one"]
            assert report.lsn < report.log_first_lsn
