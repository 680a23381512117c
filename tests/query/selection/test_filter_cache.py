"""Bitmaps are right, evaluated once, extended by new rows alone, bounded, and safe to share."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from asteroid_cloud.query import MATCH_ALL, FilterCache, Work, parse_filter
from asteroid_cloud.query.selection.bitmaps import (
    bytes_for,
    count,
    every_row,
    first_rows,
    ordinals_between,
    pack,
)
from asteroid_cloud.query.selection.documents import ROWS_A_READ
from asteroid_cloud.query.selection.filter_cache import ENTRY_BYTES
from asteroid_cloud.query.selection.matching_rows import matching_rows
from asteroid_cloud.wal.errors import CorruptionError, TooCostly
from tests.support.parts import World

EVEN = parse_filter({"n": {"$in": list(range(0, 10, 2))}})


def payload(n: int) -> bytes:
    return json.dumps({"text": "x" * 20, "n": n % 10}).encode()


def world_of(rows: int) -> World:
    world = World(dim=1, capacity=8192)
    world.upsert(range(rows), payloads=map(payload, range(rows)))
    return world


def flags(bits: np.ndarray, rows: int) -> list[bool]:
    return np.unpackbits(bits, bitorder="little").astype(bool).tolist()[:rows]


@pytest.mark.parametrize("rows", [1, 7, 8, 9, ROWS_A_READ - 1, ROWS_A_READ, ROWS_A_READ + 1, 2500])
def test_a_bitmap_has_a_bit_for_each_matching_row_and_no_other(rows: int) -> None:
    view = world_of(rows).snapshot().parts[0]
    bits = FilterCache().matching(view, EVEN)
    assert len(bits) == bytes_for(rows)
    assert flags(bits, rows) == [n % 2 == 0 for n in range(rows)]
    assert count(bits) == (rows + 1) // 2


def test_a_second_look_reads_no_payload_and_other_forms_share_the_entry() -> None:
    world, masks = world_of(50), FilterCache()
    view = world.snapshot().parts[0]
    first = masks.matching(view, EVEN)
    assert world.blocks[0].payloads_read == list(range(50))
    again = masks.matching(view, parse_filter(b'{"$and":[{"n":{"$in":[8.0,6,4,2,0,0]}}]}'))
    assert np.array_equal(first, again)
    assert len(world.blocks[0].payloads_read) == 50
    assert len(masks) == 1


@pytest.mark.parametrize("before", [1, 8, 13, 16])
def test_a_grown_block_is_read_only_where_it_grew(before: int) -> None:
    world, masks = world_of(before), FilterCache()
    old = world.snapshot().parts[0]
    masks.matching(old, EVEN)
    world.blocks[0].payloads_read.clear()
    world.upsert(range(before, before + 20), payloads=map(payload, range(before, before + 20)))
    bits = masks.matching(world.snapshot().parts[0], EVEN)
    assert flags(bits, before + 20) == [n % 2 == 0 for n in range(before + 20)]
    assert min(world.blocks[0].payloads_read) >= before - 7
    world.blocks[0].payloads_read.clear()
    assert flags(masks.matching(old, EVEN), before) == [n % 2 == 0 for n in range(before)]
    assert count(masks.matching(old, EVEN)) == (before + 1) // 2, "no bit beyond the older view's rows"
    assert world.blocks[0].payloads_read == []


def test_the_dead_are_left_out_in_each_snapshot_by_itself() -> None:
    world, masks = world_of(20), FilterCache()
    before = world.snapshot().parts[0]
    world.delete([0, 2, 3])
    after = world.snapshot().parts[0]
    assert matching_rows(after, EVEN, masks).count == 8
    assert matching_rows(before, EVEN, masks).count == 10
    assert matching_rows(after, MATCH_ALL, masks).count == 17
    everything = matching_rows(before, MATCH_ALL, masks)
    assert everything.mask is None
    assert everything.count == 20
    assert len(world.blocks[0].payloads_read) == 20


def test_a_part_without_living_rows_is_not_evaluated() -> None:
    world, masks = world_of(5), FilterCache()
    world.delete(range(5))
    assert matching_rows(world.snapshot().parts[0], EVEN, masks).count == 0
    assert world.blocks[0].payloads_read == []


def test_rows_without_a_payload_count_as_empty_objects() -> None:
    world = World(dim=1)
    world.upsert([1, 2, 3], payloads=[b"", b"{}", b'{"n":null}'])
    view = world.snapshot().parts[0]
    assert flags(FilterCache().matching(view, parse_filter({"n": {"$ne": 1}})), 3) == [True, True, True]
    assert flags(FilterCache().matching(view, parse_filter({"n": None})), 3) == [False, False, True]
    assert flags(FilterCache().matching(view, parse_filter({"$or": []})), 3) == [False, False, False]


def test_names_are_read_as_json_reads_them() -> None:
    world = World(dim=1)
    world.upsert([1, 2, 3], payloads=[b'{"\\u00e9\\"":1}', '{"é\\"":1}'.encode(), b'{"e":2,"e":1,"":{"":1}}'])
    view = world.snapshot().parts[0]
    assert flags(FilterCache().matching(view, parse_filter({'é"': 1})), 3) == [True, True, False]
    assert flags(FilterCache().matching(view, parse_filter({"e": 1, ".": 1})), 3) == [False, False, True]


def test_the_least_recently_used_go_first_and_the_bound_holds() -> None:
    world = world_of(800)
    view = world.snapshot().parts[0]
    filters = [parse_filter({"n": n}) for n in range(10)]
    size = ENTRY_BYTES + 100 + len(filters[0].key)
    masks = FilterCache(bytes_max=3 * size)
    for filter in filters[:3]:
        masks.matching(view, filter)
    masks.matching(view, filters[0])
    masks.matching(view, filters[3])  # drops filter 1, the least recently used
    assert (len(masks), masks.bytes) == (3, 3 * size)
    world.blocks[0].payloads_read.clear()
    for kept in (0, 2, 3):
        masks.matching(view, filters[kept])
    assert world.blocks[0].payloads_read == []
    masks.matching(view, filters[1])
    assert len(world.blocks[0].payloads_read) == 800


def test_a_bitmap_larger_than_the_cache_is_still_answered() -> None:
    masks = FilterCache(bytes_max=10)
    assert count(masks.matching(world_of(100).snapshot().parts[0], EVEN)) == 50
    assert (len(masks), masks.bytes) == (0, 0)


def test_threads_that_want_the_same_bitmap_evaluate_it_once() -> None:
    world, masks = world_of(3000), FilterCache()
    view = world.snapshot().parts[0]
    gate = threading.Barrier(8)

    def look() -> int:
        gate.wait()
        return count(masks.matching(view, EVEN))

    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(look) for _ in range(8)]
        assert {each.result() for each in looks} == {1500}
    assert len(world.blocks[0].payloads_read) == 3000


def test_a_cached_bitmap_cannot_be_written_to() -> None:
    bits = FilterCache().matching(world_of(16).snapshot().parts[0], EVEN)
    with pytest.raises(ValueError, match="read-only"):
        bits[0] = 0


@pytest.mark.parametrize("text", [b'{"n":', b"[1]", b'{"n":"\xff"}', b'{"n":1e999}'])
def test_a_payload_that_is_no_json_object_is_corruption(text: bytes) -> None:
    world = World(dim=1)
    world.upsert([1], payloads=[text])
    with pytest.raises(CorruptionError):
        FilterCache().matching(world.snapshot().parts[0], EVEN)


def test_bitmaps_are_cut_and_listed_by_row() -> None:
    assert every_row(0).tolist() == []
    assert every_row(11).tolist() == [255, 7]
    assert first_rows(every_row(16), 9).tolist() == [255, 1]
    bits = pack(np.array([n % 3 == 0 for n in range(40)]))
    assert ordinals_between(bits, 0, 40).tolist() == list(range(0, 40, 3))
    assert ordinals_between(bits, 16, 25).tolist() == [18, 21, 24]
    assert ordinals_between(None, 8, 11).tolist() == [8, 9, 10]


def test_one_that_may_not_wait_gives_up_while_another_evaluates_the_same() -> None:
    view, cache, began, over = (
        world_of(50).snapshot().parts[0],
        FilterCache(),
        threading.Event(),
        threading.Event(),
    )

    class Held(Work):
        def spend(self, components: float) -> None:
            began.set()
            assert over.wait(10)
            super().spend(components)

    with ThreadPoolExecutor(1) as pool:
        evaluating = pool.submit(cache.matching, view, EVEN, Held())
        assert began.wait(10)
        with pytest.raises(TooCostly):
            cache.matching(view, EVEN, Work(may_wait=False))
        other = parse_filter({"n": 1})
        assert count(cache.matching(view, other, Work(may_wait=False))) == 5, "others need not wait"
        over.set()
        assert count(evaluating.result(10)) == 25
    assert count(cache.matching(view, EVEN, Work(may_wait=False))) == 25
