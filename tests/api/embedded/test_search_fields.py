"""Lists of ids, scores, chosen fields and base64 in the embedded store and its blocking twin."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.api import Search, Store, open_blocking
from asteroid_cloud.wal.errors import InvalidRequest, TooLarge

pytestmark = pytest.mark.anyio

ROWS = [(id, [float(id), 0.0, 0.0, 0.0], {"n": id, "in": {"a": id, "b": 0}}) for id in range(10)]
ORIGIN = [0.0] * 4
THREE = base64.b64encode(np.array([3, 0, 0, 0], "<f4").tobytes()).decode()
WANTED = {"n": 3, "in": {"a": 3}}


async def test_of_the_store(store: Store) -> None:
    await store.insert_batch(ROWS)
    assert [hit.id for hit in await store.search(ORIGIN, ids=np.array([7, 3, 3], np.uint64))] == [3, 7]
    assert [hit.id for hit in await store.search(ORIGIN, ids=iter([7, "3"]), filter={"n": 7})] == [7]
    assert await store.search(ORIGIN, ids=[]) == []
    hits = await store.search(ORIGIN, k=3, include=["score"])
    assert [hit.score for hit in hits] == [1 / (1 + hit.distance) for hit in hits]
    assert len(await store.search(ORIGIN, min_score=hits[1].score)) == 2
    assert (await store.search(THREE, k=1, fields=["n", "in.a"]))[0].payload == WANTED
    lists = await store.search_batch(
        [THREE, Search(ORIGIN, ids=[1, 2], min_score=0.4), ORIGIN], ids=iter([3, 4]), fields=["n"]
    )
    assert [[hit.id for hit in hits] for hits in lists] == [[3, 4], [1], [3, 4]]
    assert lists[0][0].payload == {"n": 3}
    assert (await store.fetch([3], fields=["n", "in.a"]))[0].payload == WANTED
    assert [row.payload async for row in store.scroll({"n": 3}, fields=["n", "in.a"])] == [WANTED]
    await store.insert(20, THREE)
    assert (await store.get(20)).array() == pytest.approx([3, 0, 0, 0], abs=0.01)


def test_of_the_blocking_twin(tmp_path: Path) -> None:
    with open_blocking(tmp_path / "store", dim=4) as store:
        store.insert_batch(ROWS)
        assert [hit.id for hit in store.search(ORIGIN, ids=[7, 3, 3])] == [3, 7]
        hits = store.search(ORIGIN, k=3, include=["score"])
        assert [hit["score"] for hit in hits] == [1 / (1 + hit.distance) for hit in hits]
        assert len(store.search(ORIGIN, min_score=hits[1].score)) == 2
        assert store.search(THREE, k=1, fields=["n", "in.a"])[0].payload == WANTED
        lists = store.search_batch([THREE, Search(ORIGIN, ids=[1, 2])], ids=[3], fields=["n"])
        assert [[hit.id for hit in hits] for hits in lists] == [[3], [1, 2]]
        assert store.fetch([3], fields=["n", "in.a"])[0].payload == WANTED
        assert [row.payload for row in store.scroll({"n": 3}, fields=["n", "in.a"])] == [WANTED]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"ids": "12"}, "bad_id"),
        ({"ids": [1.5]}, "bad_id"),
        ({"min_score": float("nan")}, "bad_min_score"),
        ({"min_score": "1"}, "bad_min_score"),
        ({"fields": "n"}, "bad_fields"),
        ({"fields": [b"n"]}, "bad_fields"),
        ({"include": ["scores"]}, "bad_include"),
        ({"vector": THREE[:-1]}, "bad_vector"),
        ({"vector": "AAAAAAAAAAAAAAAAAAAAAB=="}, "bad_vector"),
        ({"vector": base64.b64encode(np.array([1, 2, 3, np.inf], "<f4").tobytes()).decode()}, "bad_vector"),
        ({"vector": base64.b64encode(bytes(12)).decode()}, "wrong_dim"),
    ],
)
async def test_what_is_refused(store: Store, fields: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await store.search(**{"vector": ORIGIN, **fields})  # type: ignore[arg-type]
    assert caught.value.code == code


async def test_too_many_ids(store: Store) -> None:
    with pytest.raises(TooLarge):
        await store.search(ORIGIN, ids=range(10_001))
