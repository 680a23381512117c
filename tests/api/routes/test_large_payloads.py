"""Payloads up to ``payload_bytes_max``: bounded wherever they come in, served whatever the setting is now."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service import write_by_filter
from asteroid_cloud.query.records import matching_records
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import KIB, MIB
from tests.support.asgi import Answer, app_over, ask

pytestmark = pytest.mark.anyio
LARGE = 300 * KIB
BY_DEFAULT = 64 * KIB


def payload_of_size(size: int, **fields: Any) -> dict[str, Any]:
    """A payload whose JSON, without spaces, has exactly so many bytes."""
    payload = {**fields, "text": ""}
    return {**payload, "text": "x" * (size - len(text_of(payload)))}


def text_of(payload: object) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with api.open(tmp_path / "data", dim=2, payload_bytes_max=LARGE) as store:
        yield store


def gate_of(store: Store) -> RequestGuard:
    return app_over(Settings(data=store.path), store)


async def post(gate: RequestGuard, path: str, body: object, method: str = "POST") -> Answer:
    return await ask(gate, method, path, [text_of(body)])


@pytest.mark.parametrize("size", [LARGE, LARGE + 1])
async def test_every_way_in_has_the_bound_of_the_setting(store: Store, size: int) -> None:
    gate, payload = gate_of(store), payload_of_size(size)
    await store.insert(1, [1, 2])
    item = {"id": 2, "vector": [1, 2], "metadata": payload}
    bulk = np.zeros(2, "<f4").tobytes() + text_of([payload])
    headers = {"X-Asteroid-N": "1", "X-Asteroid-Dim": "2"}
    answers = [
        await post(gate, "/v1/vectors", item),
        await post(gate, "/v1/vectors/3", {"vector": [1, 2], "metadata": payload}, "PUT"),
        await post(gate, "/v1/vectors/1/payload", payload, "PUT"),
        await post(gate, "/v1/vectors/1/payload", payload, "PATCH"),
        await post(gate, "/v1/vectors/batch", {"items": [{**item, "id": 4}]}),
        await post(gate, "/v1/vectors/patch", {"ids": [1], "patch": payload}),
    ]
    await store.delete_index()
    await store.create_index(2)
    answers.append(await ask(gate, "POST", "/v1/build/bulk", [bulk], headers=headers))
    if size == LARGE:
        assert all(answer.status in (200, 201) for answer in answers), [answer.body for answer in answers]
        assert await store.get_payload(0) == payload
        return
    for answer in answers:
        told = answer.json
        assert answer.status == 400
        assert told["code"] in ("bad_payload", "bad_item")
        assert str(LARGE) in told["error"]


async def test_the_embedded_store_has_the_same_bound(store: Store) -> None:
    large, larger = payload_of_size(LARGE), payload_of_size(LARGE + 1)
    await store.insert(1, [1, 2], large)
    assert await store.get_payload(1) == large
    for call in (
        lambda: store.insert(2, [1, 2], larger),
        lambda: store.set_payload(1, larger),
        lambda: store.merge_payload(1, larger),
        lambda: store.merge_many(larger, [1]),
        lambda: store.insert_batch([(2, [1, 2], larger)]),
    ):
        with pytest.raises(InvalidRequest, match=str(LARGE)):
            await call()
    await store.delete_index()
    await store.create_index(2)
    with pytest.raises(InvalidRequest, match=str(LARGE)):
        await store.bulk_build(np.zeros((1, 2)), payloads=[larger])
    await store.bulk_build(np.zeros((40, 2)), payloads=[large] * 40)
    assert await store.get_payload(39) == large


@pytest.mark.parametrize("size", [0, 1023, MIB + 1])
async def test_a_setting_out_of_bounds_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(InvalidRequest, match="payload_bytes_max"):
        api.open(tmp_path / "data", payload_bytes_max=size)
    with pytest.raises(ValueError, match="payload_bytes_max"):
        Settings(data="d", payload_bytes_max=str(size))


async def test_what_patches_make_is_bounded_by_the_setting_of_their_time(tmp_path: Path) -> None:
    """A restart with another setting makes of the log what was answered."""
    options = {"dim": 2, "keep_log": True}
    half = payload_of_size(40 * KIB)["text"]
    async with api.open(tmp_path / "data", payload_bytes_max=LARGE, **options) as store:
        for id in range(3):
            await store.insert(id, [id, 0], {"a": half})
        await store.merge_payload(0, {"b": half})
        await store.merge_many({"b": half}, [1])
        before = await rows_of(store)
    async with api.open(tmp_path / "data", **options) as store:
        assert await rows_of(store) == before
        with pytest.raises(InvalidRequest, match="65536"):
            await store.merge_payload(2, {"b": half})
        with pytest.raises(InvalidRequest, match="65536"):
            await store.merge_many({"b": half}, [2])
        await store.merge_payload(0, {"b": None, "c": 1})
        assert await store.get_payload(0) == {"a": half, "c": 1}
    async with api.open(tmp_path / "data", payload_bytes_max=MIB, **options) as store:
        assert await store.get_payload(0) == {"a": half, "c": 1}
        assert await store.get_payload(2) == {"a": half}, "a refused patch stays refused"
        assert await store.get_payload(1) == {"a": half, "b": half}


async def rows_of(store: Store) -> dict[int, object]:
    return {row.id: row.payload async for row in store.scroll(include=["payload"])}


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_large_and_small_ones_are_read_by_every_call(store: Store, is_sealed: bool) -> None:
    kept: dict[int, object] = {}
    for id in range(60):
        payload = payload_of_size(LARGE if id % 3 == 0 else 200, n=id, kind=id % 2)
        kept[id] = payload
        await store.insert(id, [id, 1], payload)
    if is_sealed:
        await store.flush()
        await store.upsert(3, [3, 2])  # the tail refers to the payload in the file
    assert await rows_of(store) == kept
    assert await store.count({"kind": 1, "n": {"$gte": 10}}) == 25
    hits = await store.search([0, 1], k=60, filter={"text": {"$prefix": "xx"}}, include=["payload"])
    assert {hit.id: hit.payload for hit in hits} == kept
    assert {row.id: row.payload for row in await store.fetch(range(60), include=["payload"])} == kept
    facets = await store.facets("kind")
    assert {value.value: value.count for value in facets.values} == {0: 30, 1: 30}


async def test_a_store_with_large_payloads_serves_under_a_smaller_setting(tmp_path: Path) -> None:
    large = payload_of_size(LARGE, n=1)
    async with api.open(tmp_path / "data", dim=2, payload_bytes_max=LARGE) as store:
        await store.insert(1, [1, 2], large)
        await store.flush()
        await store.insert(2, [1, 2], large)
    async with api.open(tmp_path / "data") as store:
        await store.upsert(1, [5, 5])
        assert await rows_of(store) == {1: large, 2: large}
        await store.flush()
        assert await rows_of(store) == {1: large, 2: large}
        assert (await store.merge_many({"text": None}, filter={"n": 1})) == 2
        assert await rows_of(store) == {1: {"n": 1}, 2: {"n": 1}}


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_a_write_by_filter_holds_few_large_payloads_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_sealed: bool
) -> None:
    for id in range(70):
        await store.insert(id, [id, 1], payload_of_size(80 * KIB, n=id) if id % 2 else {"n": id})
    if is_sealed:
        await store.flush()
    asked: list[int] = []
    fetch = matching_records.fetch

    def counting(*arguments: Any, **options: Any) -> Any:
        found = fetch(*arguments, **options)
        asked.append(sum(len(record.payload) > BY_DEFAULT for record in found if record))
        return found

    monkeypatch.setattr(matching_records, "fetch", counting)
    assert await store.merge_many({"seen": True}, filter={"n": {"$gte": 0}}) == 70
    assert sum(asked) == 35
    assert max(asked) <= write_by_filter.LARGE_A_BATCH_MAX
    assert await store.count({"seen": True}) == 70
