"""Groups, diverse hits and examples in the embedded store and its blocking twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asteroid_cloud.api import HitGroup, Search, Store, open_blocking
from asteroid_cloud.wal.errors import InvalidRequest, NotFound

pytestmark = pytest.mark.anyio

ROWS = [(id, [float(id), 0.0, 0.0, 0.0], {"v": id % 3, "n": id}) for id in range(9)]
ORIGIN = [0.0] * 4
GROUPS = [(0, [0, 3]), (1, [1, 4])]


async def test_of_the_store(store: Store) -> None:
    await store.insert_batch(ROWS)
    hits = await store.search(ORIGIN, k=2, group_by={"field": "v", "size": 2}, include=["payload"])
    assert hits.groups is not None
    assert isinstance(hits.groups[0], HitGroup)
    assert [(group.value, [hit.id for hit in group.hits]) for group in hits.groups] == GROUPS
    assert [hit.id for hit in hits] == [0, 3, 1, 4]
    assert hits.groups[0].hits[1].payload == {"v": 0, "n": 3}
    assert (await store.search(ORIGIN)).groups is None
    diverse = await store.search(ORIGIN, k=2, diversity={"lambda": np.float64(0.25)})
    assert [hit.id for hit in diverse] == [0, 8]
    liked = await store.search(recommend={"positive": iter([4]), "negative": np.array([2], np.uint64)}, k=1)
    assert [hit.id for hit in liked] == [6]
    lists = await store.search_batch(
        [ORIGIN, Search(recommend={"positive": [2, 4]}, k=1)], k=1, group_by={"field": "v"}
    )
    assert lists[0].groups is not None
    assert [[hit.id for hit in hits] for hits in lists] == [[0], [3]]
    with pytest.raises(NotFound) as missing:
        await store.search(recommend={"positive": [77]})
    assert missing.value.details == {"id": 77}
    with pytest.raises(InvalidRequest):
        await store.search(recommend={"positive": [1]}, id=1)


def test_of_the_blocking_twin(tmp_path: Path) -> None:
    with open_blocking(tmp_path / "store", dim=4) as store:
        store.insert_batch(ROWS)
        hits = store.search(ORIGIN, k=2, group_by={"field": "v", "size": 2})
        assert hits.groups is not None
        assert [(group["value"], [hit.id for hit in group.hits]) for group in hits.groups] == GROUPS
        assert [hit.id for hit in store.search(ORIGIN, k=2, diversity={"lambda": 0.25})] == [0, 8]
        assert [hit.id for hit in store.search(recommend={"positive": [4], "negative": [2]}, k=1)] == [6]
        (hits,) = store.search_batch([ORIGIN], k=1, group_by={"field": "v"})
        assert hits.groups is not None
