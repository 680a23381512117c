"""Positions name their history: what a store has left is 409 everywhere, and answers name the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.client import AsyncClient, Client, OtherHistory
from asteroid_cloud.indexer import Point, PointInTimeRestore
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.lsn import HISTORY_LSNS
from ops.forked_server import ForkedServer
from tests.support.asgi import app_over
from tests.support.asking import DIM, ZEROS, Http

pytestmark = pytest.mark.anyio
STORE = "X-Asteroid-Store"
WHERE = {"branched_at": 2, "began_at": HISTORY_LSNS}
ROW = {"id": 1, "vector": ZEROS}


async def taken_back(path: Path) -> str:
    """A store with rows 1 to 5, taken back to record 2, which wrote row 1; a cursor of before."""
    async with api.open(str(path), dim=DIM) as store:
        for id_ in range(1, 6):
            await store.insert(id_, ZEROS)
        app = app_over(Settings(data=store.path), store)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            page = await client.post("/v1/vectors/scroll", json={"limit": 2})
    PointInTimeRestore(LocalFiles(), str(path)).in_place(Point(lsn=2))
    return str(page.json()["cursor"])


async def test_row_3_every_position_of_the_history_that_was_left_is_409(tmp_path: Path) -> None:
    cursor = await taken_back(tmp_path)
    async with api.open(str(tmp_path), dim=DIM) as store:
        app = app_over(Settings(data=store.path), store)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            http = Http(client)
            asked: list[tuple[str, str, Any, dict[str, str]]] = [
                ("GET", "/v1/changes?since=6", None, {}),
                ("GET", "/v1/changes", None, {"Last-Event-ID": "6"}),
                ("POST", "/v1/vectors", ROW, {"If-Match": '"6"'}),
                ("PUT", "/v1/vectors/1", {"vector": ZEROS}, {"If-Match": "6"}),
                ("DELETE", "/v1/vectors/1", None, {"If-Match": "6"}),
                ("PUT", "/v1/vectors/1/payload", {}, {"If-Match": "6"}),
                ("PATCH", "/v1/vectors/1/payload", {}, {"If-Match": "6"}),
                ("GET", "/v1/vectors/1", None, {"X-Asteroid-Min-LSN": "6"}),
                ("GET", "/v1/stats", None, {"X-Asteroid-Min-LSN": "6"}),
                ("POST", "/v1/search", {"vector": ZEROS, "min_lsn": 6}, {}),
                ("POST", "/v1/count", {"min_lsn": 6}, {}),
                ("POST", "/v1/vectors/fetch", {"ids": [1], "min_lsn": 6}, {}),
                ("POST", "/v1/vectors/scroll", {"limit": 2, "cursor": cursor}, {}),
            ]
            for method, path, body, headers in asked:
                told = await http.refused(
                    method, path, body, status=409, code="other_history", headers=headers
                )
                assert {name: told[name] for name in WHERE} == WHERE, path
            await http.send("POST", "/v1/search", {"vector": ZEROS, "min_lsn": 2}, status=200)
            assert (await http.send("POST", "/v1/vectors", ROW, status=201))["lsn"] == HISTORY_LSNS + 1
            lines = (await client.get("/v1/changes?since=2")).text.splitlines()
            assert f'"lsn":{HISTORY_LSNS + 1}' in lines[0]


async def test_an_embedded_store_refuses_them_too(tmp_path: Path) -> None:
    await taken_back(tmp_path)
    async with api.open(str(tmp_path), dim=DIM) as store:
        with pytest.raises(Conflict, match="went back to record 2"):
            await store.search(ZEROS, min_lsn=6)
        with pytest.raises(Conflict):
            await store.wait_for(6)
        with pytest.raises(Conflict):
            await store.insert(1, ZEROS, if_match=6)
        with pytest.raises(Conflict) as refused:
            async for _ in store.changes(6, follow=False):
                pass
        assert refused.value.code == "other_history"
    with api.open_blocking(str(tmp_path)) as blocking, pytest.raises(Conflict):
        blocking.search(ZEROS, min_lsn=6)


async def test_answers_name_the_store(tmp_path: Path) -> None:
    async def name_of(path: Path) -> str:
        async with api.open(str(path), dim=DIM) as store:
            app = app_over(Settings(data=store.path), store)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                answers = [
                    await client.get("/v1/stats"),
                    await client.post("/v1/vectors", json=ROW),
                    await client.delete("/v1/vectors/77"),
                    await client.get("/v1/vectors/99"),
                    await client.get("/v1/changes"),
                ]
        names = {answer.headers[STORE] for answer in answers}
        assert len(names) == 1
        return names.pop()

    first = await name_of(tmp_path / "store")
    assert await name_of(tmp_path / "store") == first
    source = PointInTimeRestore(LocalFiles(), str(tmp_path / "store"))
    source.in_place(Point(lsn=2))
    assert await name_of(tmp_path / "store") == first, "in place it is the same store"
    names = {first}
    for folder in ("a", "b"):
        source = PointInTimeRestore(LocalFiles(), str(tmp_path / "store"))
        source.to_new(str(tmp_path / folder), Point())
        names.add(await name_of(tmp_path / folder))
    assert len(names) == 3


async def test_both_clients_raise_a_typed_error(tmp_path: Path) -> None:
    await taken_back(tmp_path)
    with ForkedServer(tmp_path) as server:
        async with AsyncClient(base_url=server.url) as client:
            with pytest.raises(OtherHistory) as refused:
                await client.search(ZEROS, min_lsn=6)
            assert (refused.value.branched_at, refused.value.began_at) == (2, HISTORY_LSNS)
            with pytest.raises(OtherHistory):
                await client.insert(1, ZEROS, if_match=6)
            with pytest.raises(OtherHistory):
                async for _ in client.changes(6):
                    pass
        with Client(base_url=server.url) as blocking:
            with pytest.raises(OtherHistory):
                blocking.insert(1, ZEROS, if_match=6)
            with pytest.raises(OtherHistory):
                list(blocking.changes(6, follow=False))
