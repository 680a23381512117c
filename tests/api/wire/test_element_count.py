"""Lists in bodies are counted before anything is made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import DELETE_IDS_MAX, FETCH_IDS_MAX, PATCH_IDS_MAX
from asteroid_cloud.api.wire.native import core
from asteroid_cloud.query.limits import SEARCHES_MAX
from tests.support.asgi import app_over, ask


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ('{"a":[]}', 0),
        ('{"a":[1]}', 1),
        (' { "a" : [ 1 , {"a":[1,2,3,4]} , [[]] ] } ', 3),
        ('{"b":[1,2,3],"a":["x","],[",null]}', 3),
        ('{"\\u0061":[1,2]}', 2),
        ('{"a":[1,2,3],"a":[1]}', 3),
        ('{"a":[1],"a":[1,2,3]}', 3),
        ('{"a":[1,2,3],"a":[]}', 3),
        ('{"a":[1,2,3,4,5,6]}', 5),
        ('{"a":[1,2,3,4,5,6],"a":[1]}', 5),
        ('{"a":[1,2,3,4,5,]', 5),
        ('{"a":{"a":[1,2]}}', 0),
        ('{"a":"[1,2]"}', 0),
        ('{"b":{"a":[1,2]}}', 0),
        ('{"a":[1,2', 2),
        ('{"a":[1,2,x]}', 2),
        ('{"a":', 0),
        ("[1,2,3]", 0),
        ("", 0),
        ("{", 0),
    ],
)
def test_a_list_is_counted_until_there_are_too_many(body: str, count: int) -> None:
    assert core.count_elements(body.encode(), "a", 4) == count


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "field", "element", "most"),
    [
        ("/v1/search/batch", "searches", "{}", SEARCHES_MAX),
        ("/v1/vectors/fetch", "ids", "1", FETCH_IDS_MAX),
        ("/v1/vectors/delete", "ids", "1", DELETE_IDS_MAX),
        ("/v1/vectors/patch", "ids", "1", PATCH_IDS_MAX),
    ],
)
async def test_a_list_that_is_too_long_is_never_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, field: str, element: str, most: int
) -> None:
    def body_of(count: int) -> bytes:
        rest = ',"patch":{}}' if path.endswith("patch") else "}"
        return (f'{{"{field}":[' + ",".join([element] * count) + "]" + rest).encode()

    async with api.open(tmp_path / "data", dim=2) as store:
        gate = app_over(Settings(data=store.path), store)
        just = await ask(gate, "POST", path, [body_of(most)])
        assert just.json.get("code") != "batch_too_large"
        for decoder in ("SEARCH_BATCH", "FETCH", "DELETE", "PATCH"):
            for room in ("search", "batches"):
                monkeypatch.setattr(f"asteroid_cloud.api.routes.{room}.{decoder}", None, raising=False)
        answer = await ask(gate, "POST", path, [body_of(most + 1)])
        answer.check_refused(413, "batch_too_large")
        assert f"{most:,}" in json.loads(answer.body)["error"]
