"""Lists of ids: a search answers with living rows of theirs only, and of those with the matches."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import numpy as np
import pytest

from asteroid_cloud.query import (
    MATCH_ALL,
    AllowList,
    Filter,
    FilterCache,
    SearchRequest,
    Work,
    parse_filter,
    search,
    search_batch,
)
from asteroid_cloud.query.selection.bitmaps import has, with_rows
from asteroid_cloud.wal.errors import TooCostly
from tests.support.parts import World, random_vectors

DIM = 4
QUERY = random_vectors(1, DIM, seed=3)[0]
RED = parse_filter({"red": True})
TOP = 2**64 - 1


def filled(is_flat: bool = True) -> World:
    """Three parts with sparse ids, some replaced in a later part, some deleted; every third is red."""
    world, chance = World(DIM), Random(2)
    for _ in range(3):
        world.add_block(is_flat=is_flat)
        ids = [*chance.sample(range(0, 900, 3), 100), TOP]
        world.upsert(ids, random_vectors(101, DIM, seed=len(world.blocks)), [colour(id) for id in ids])
    world.delete(range(0, 900, 21))
    return world


def colour(id: int) -> bytes:
    return b'{"red":true}' if id % 2 else b'{"red":false}'


def found(
    world: World, ids: Iterable[int], filter: Filter = MATCH_ALL, cache: FilterCache | None = None, **how: int
) -> list[int]:
    allowed = AllowList(np.array(list(ids), np.uint64))
    request = SearchRequest(vector=QUERY, ids=allowed, filter=filter, **{"k": 1000, **how})
    return search(world.snapshot(), request, cache or FilterCache()).ids.tolist()


def order(world: World) -> list[int]:
    """All that live, the nearest first."""
    return search(world.snapshot(), SearchRequest(vector=QUERY, k=1000), FilterCache()).ids.tolist()


def test_random_lists_agree_with_a_search_of_all() -> None:
    world, chance = filled(), Random(4)
    in_order = order(world)
    for _ in range(200):
        ids = chance.choices([*range(950), TOP], k=chance.choice([0, 1, 5, 80, 400]))
        assert found(world, ids) == [id for id in in_order if id in set(ids)]
        assert found(world, ids, RED) == [id for id in in_order if id % 2 and id in set(ids)]
        assert found(world, ids, k=3, offset=2) == [id for id in in_order if id in set(ids)][2:5]


def test_no_ids_allow_nothing_and_unknown_ones_are_simply_not_there() -> None:
    world = filled()
    assert found(world, []) == []
    assert found(world, [1, 2, 2**63]) == []
    assert found(world, [TOP, TOP, 5]) == [TOP]


def test_with_another_id_it_is_left_out_of_its_own_answer() -> None:
    world = filled()
    three = order(world)[:3]
    request = SearchRequest(id=three[0], ids=AllowList(np.array(three, np.uint64)))
    assert set(search(world.snapshot(), request, FilterCache()).ids.tolist()) == set(three[1:])


def test_searches_of_a_batch_have_lists_of_their_own() -> None:
    world = filled()
    ids = order(world)
    lists = [ids[:1], ids[5:9], [], ids[5:9][::-1], None]
    asked = [
        SearchRequest(vector=QUERY, k=4, ids=None if each is None else AllowList(np.array(each, np.uint64)))
        for each in lists
    ]
    results = search_batch(world.snapshot(), asked, FilterCache())
    assert [each.ids.tolist() for each in results] == [ids[:1], ids[5:9], [], ids[5:9], ids[:4]]


def test_a_filter_reads_the_payloads_of_the_list_alone_while_it_has_no_bitmap() -> None:
    world = filled()
    ids = order(world)[:10]
    for block in world.blocks:
        block.payloads_read.clear()
    found(world, ids, RED)
    assert sum(len(block.payloads_read) for block in world.blocks) == 10


def test_a_filter_that_has_a_bitmap_reads_nothing() -> None:
    world, cache = filled(), FilterCache()
    search(world.snapshot(), SearchRequest(vector=QUERY, filter=RED), cache)
    for block in world.blocks:
        block.payloads_read.clear()
    ids = order(world)[:10]
    assert found(world, ids, RED, cache) == [id for id in ids if id % 2]
    assert not any(block.payloads_read for block in world.blocks)


def test_plans_are_kept_by_the_set_that_a_list_is() -> None:
    snapshot = filled().snapshot()
    for ids in ([3, 6, 9], [9, 6, 3, 3], [3, 6], [3, 6, 12]):
        request = SearchRequest(vector=QUERY, ids=AllowList(np.array(ids, np.uint64)))
        search(snapshot, request, FilterCache())
    assert len(snapshot.memo) == 3


def test_looking_for_the_ids_is_counted() -> None:
    world = filled()
    request = SearchRequest(vector=QUERY, ids=AllowList(np.arange(10_000, dtype=np.uint64)))
    with pytest.raises(TooCostly):
        search(world.snapshot(), request, FilterCache(), work=Work(1_000_000))


def test_bits_of_rows() -> None:
    for rows in ([], [0], [7, 8], [0, 1, 2, 3, 4, 5, 6, 7], [5, 63]):
        ordinals = np.array(rows, np.uint32)
        bits = with_rows(ordinals, 8)
        assert np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist() == rows
        assert has(bits, np.arange(64, dtype=np.uint32)).tolist() == [row in rows for row in range(64)]
