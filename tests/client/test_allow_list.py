"""Searches limited to ids that are strings, through both clients and embedded, as an oracle says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.client import InvalidRequest, Search, TooLarge
from asteroid_cloud.wal.errors import AsteroidError
from tests.support.names import NASTY

pytestmark = pytest.mark.anyio

NAMES = [*NASTY, *(f"name {i:03d}" for i in range(100))]
PLACE = {name: place for place, name in enumerate(NAMES)}


def vector(name: str) -> list[float]:
    return [float(PLACE[name]), 0.0]


async def fill(index: Any) -> None:
    await index.insert_batch([(name, vector(name), {"even": PLACE[name] % 2 == 0}) for name in NAMES])


async def check(index: Any) -> None:
    """Searches among some of the names, with and without a filter, against what sorting them gives."""
    random = Random(4)
    for _ in range(30):
        some = random.sample(NAMES, random.randrange(1, 60))
        near = random.choice(NAMES)
        order = sorted(some, key=lambda name: (abs(PLACE[name] - PLACE[near]), name.encode()))
        wanted = [*some, some[0], "none such", "NAME 001"]
        random.shuffle(wanted)
        hits = await index.search(vector(near), k=20, ids=iter(wanted), exact=random.random() < 0.5)
        assert [hit.id for hit in hits] == order[:20]
        even = [name for name in order if PLACE[name] % 2 == 0]
        hits = await index.search(vector(near), k=20, ids=wanted, filter={"even": True})
        assert [hit.id for hit in hits] == even[:20]
    lists = await index.search_batch([[0.0, 0.0], [0.0, 0.0]], k=3, ids=np.array(NAMES[:2]))
    assert [[hit.id for hit in hits] for hits in lists] == [NAMES[:2], NAMES[:2]]
    assert await index.search([0.0, 0.0], ids=[]) == []
    for wrong in ([7], [""], ["x" * 513], [None], "ab"):
        with pytest.raises((InvalidRequest, AsteroidError)) as refused:
            await index.search([0.0, 0.0], ids=wrong)
        assert refused.value.code == "bad_id"


async def test_in_a_named_collection(client: Any) -> None:
    await client.create_collection("people", 2, ids="string")
    people = client.collection("people")
    await fill(people)
    await check(people)
    [hits] = await people.search_batch([Search([0.0, 0.0], ids=[NAMES[5], NAMES[3]])])
    assert [hit.id for hit in hits] == [NAMES[3], NAMES[5]]
    with pytest.raises(TooLarge):
        await people.search([0.0, 0.0], ids=map(str, range(10_001)))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[api.Store]:
    async with api.open(tmp_path / "store") as opened:
        await opened.create_index(2, ids="string")
        yield opened


async def test_embedded_in_the_tail_and_in_segments(store: api.Store) -> None:
    await fill(store)
    await check(store)
    await store.flush()
    await check(store)


def test_of_the_blocking_twin_after_a_restart(tmp_path: Path) -> None:
    with api.open_blocking(tmp_path / "store") as store:
        store.create_index(2, ids="string")
        store.insert_batch([(name, vector(name)) for name in NAMES])
    with api.open_blocking(tmp_path / "store") as store:
        hits = store.search(vector("name 050"), ids=["name 052", "name 099", "a//", "gone"])
        assert [hit.id for hit in hits] == ["name 052", "name 099", "a//"]
