"""Groups, diverse hits and examples through both clients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import HitGroup, InvalidRequest, NotFound, Search

pytestmark = pytest.mark.anyio


async def fill(client: Any) -> None:
    await client.create_index(2)
    await client.insert_batch([(id, [float(id), 0.0], {"v": id % 3, "n": id}) for id in range(9)])


async def test_groups(client: Any) -> None:
    await fill(client)
    hits = await client.search([0, 0], k=2, group_by={"field": "v", "size": 2}, include=["payload"])
    assert [(group.value, [hit.id for hit in group.hits]) for group in hits.groups] == [
        (0, [0, 3]),
        (1, [1, 4]),
    ]
    assert isinstance(hits.groups[0], HitGroup)
    assert hits.groups[0]["value"] == 0
    assert [hit.id for hit in hits] == [0, 3, 1, 4]
    assert hits[1].payload == {"v": 0, "n": 3}
    assert hits.lsn > 0
    assert (await client.search([0, 0])).groups is None
    searches = [[8, 0], Search([8, 0], k=1)]
    first, second = await client.search_batch(searches, k=1, group_by={"field": "v", "size": np.int64(2)})
    assert [(group.value, [hit.id for hit in group.hits]) for group in first.groups] == [(2, [8, 5])]
    assert (second.groups, [hit.id for hit in second]) == (None, [8])
    with pytest.raises(InvalidRequest) as caught:
        await client.search([0, 0], group_by={"field": "v", "size": 0})
    assert caught.value.code == "bad_group_by"
    with pytest.raises(InvalidRequest) as caught:
        await client.search([0, 0], group_by="v")
    assert caught.value.code == "bad_group_by"


async def test_diverse_hits(client: Any) -> None:
    await fill(client)
    plain = [hit.id for hit in await client.search([0, 0], k=3)]
    assert [hit.id for hit in await client.search([0, 0], k=3, diversity={"lambda": 1.0})] == plain
    diverse = await client.search([0, 0], k=3, diversity={"lambda": np.float32(0.25), "candidates": 9})
    assert [hit.id for hit in diverse][:2] == [0, 8]
    (batched,) = await client.search_batch([[0, 0]], k=3, diversity={"lambda": 0.25, "candidates": 9})
    assert batched == diverse
    with pytest.raises(InvalidRequest) as caught:
        await client.search([0, 0], offset=1, diversity={})
    assert caught.value.code == "bad_diversity"


async def test_examples(client: Any) -> None:
    await fill(client)
    hits = await client.search(recommend={"positive": (id for id in (2, np.uint64(4))), "negative": []}, k=2)
    assert [hit.id for hit in hits] == [3, 1]
    ((hit,),) = await client.search_batch([Search(recommend={"positive": [4], "negative": [2]}, k=1)])
    assert hit.id == 6
    with pytest.raises(NotFound) as missing:
        await client.search(recommend={"positive": [4, 77]})
    assert missing.value.details["id"] == 77
    for search in ({"recommend": {"positive": [1]}, "id": 2}, {"recommend": [1]}, {}):
        with pytest.raises(InvalidRequest):
            await client.search(**search)
