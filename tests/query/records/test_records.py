"""Records by id: in the order asked, newest version, nothing of the dead."""

from __future__ import annotations

import numpy as np
import pytest

from asteroid_cloud.query import (
    MATCH_ALL,
    FilterCache,
    count,
    fetch,
    fetch_one,
    matching_among,
    matching_batches,
    parse_filter,
)
from asteroid_cloud.wal.errors import NotFound
from tests.support.parts import World, random_vectors


def two_blocks() -> World:
    world = World(4)
    world.upsert([1, 2, 3], random_vectors(3, 4), [b'{"n":1}', b'{"n":2}', b""])
    world.add_block()
    world.upsert([2, 2**64 - 1], random_vectors(2, 4, seed=1), [b'{"n":"new"}', b'{"n":1}'])
    world.delete([3])
    return world


def test_records_come_in_the_order_asked_with_gaps_and_repeats() -> None:
    wanted = np.array([2**64 - 1, 3, 2, 77, 2, 1], np.uint64)
    records = fetch(two_blocks().snapshot(), wanted, payload=True)
    found = [None if record is None else (record.id, record.payload) for record in records]
    new = (2, b'{"n":"new"}')
    assert found == [(2**64 - 1, b'{"n":1}'), None, new, None, new, (1, b'{"n":1}')]
    assert fetch(World(4).snapshot(), wanted) == [None] * 6
    assert fetch(two_blocks().snapshot(), np.empty(0, np.uint64), payload=True, vector=True) == []


def test_a_record_has_the_columns_asked_for() -> None:
    world = two_blocks()
    bare = fetch_one(world.snapshot(), 2)
    assert (bare.id, bare.payload, bare.vector) == (2, None, None)
    record = fetch_one(world.snapshot(), 2, vector=True)
    assert record.vector == pytest.approx(random_vectors(2, 4, seed=1)[0], abs=0.02)
    world.upsert([9], payloads=[b""])
    assert fetch_one(world.snapshot(), 9, payload=True).payload == b"{}"


@pytest.mark.parametrize("id", [3, 4, 2**63])
def test_an_absent_id_is_not_found(id: int) -> None:
    with pytest.raises(NotFound, match=str(id)):
        fetch_one(two_blocks().snapshot(), id)


def test_counts_and_ids_of_what_matches() -> None:
    snapshot, masks = two_blocks().snapshot(), FilterCache()
    for filter, ids in [
        (MATCH_ALL, [1, 2, 2**64 - 1]),
        (parse_filter({"n": 1}), [1, 2**64 - 1]),
        (parse_filter({"n": 2}), []),
        (parse_filter({"n": {"$ne": 1}}), [2]),
    ]:
        assert count(snapshot, masks, filter) == len(ids)
        for rows in (1, 2, 5):
            found = [batch.tolist() for batch in matching_batches(snapshot, masks, filter, rows=rows)]
            assert sorted(id for batch in found for id in batch) == ids
            assert all(1 <= len(batch) <= rows for batch in found)
        among, payloads = matching_among(snapshot, filter, np.array([7, 2**64 - 1, 2, 1], np.uint64))
        assert among.dtype == np.uint64
        assert sorted(among.tolist()) == ids
        assert payloads == [fetch_one(snapshot, id, payload=True).payload for id in among.tolist()]
    assert count(snapshot, masks) == 3
    assert list(matching_batches(World(4).snapshot(), masks, MATCH_ALL, rows=5)) == []
