"""Estimates grow with what a read has to look at, and with nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from asteroid_cloud.query import MATCH_ALL, FilterCache, RecallRequest, SearchRequest, count, parse_filter
from asteroid_cloud.query import estimates as estimate
from asteroid_cloud.query.costs import COMPONENTS_A_SECOND, NODE
from tests.support.parts import World

ROWS = 200


def world_of(rows: int = ROWS, text_bytes: int = 10) -> World:
    world = World(dim=4, capacity=4096)
    world.upsert(range(rows), payloads=[json.dumps({"t": "x" * text_bytes}).encode()] * rows)
    return world


def costly(branches: int) -> object:
    return {"$or": [{"list": {"$contains_any": [-n]}} for n in range(branches)]}


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ((world_of(), costly(3)), (world_of(), costly(30))),
        ((world_of(), costly(3)), (world_of(10 * ROWS), costly(3))),
        ((world_of(), costly(3)), (world_of(text_bytes=5_000), costly(3))),
        ((world_of(text_bytes=900), {"t": "y"}), (world_of(text_bytes=900), costly(1))),
    ],
    ids=["predicates", "rows", "bytes", "arrays"],
)
def test_a_filter_costs_rows_times_predicates_and_bytes(
    small: tuple[World, object], large: tuple[World, object]
) -> None:
    costs = [
        estimate.of_count(world.snapshot(), parse_filter(filter), FilterCache())
        for world, filter in (small, large)
    ]
    assert costs[1] > 1.5 * costs[0] > 0


def test_what_is_known_already_costs_nothing_again() -> None:
    snapshot, cache, filter = world_of().snapshot(), FilterCache(), parse_filter(costly(9))
    before = estimate.of_count(snapshot, filter, cache)
    assert before > 9 * ROWS * NODE
    count(snapshot, cache, filter)
    assert estimate.of_count(snapshot, filter, cache) < before / 100


def test_the_costliest_filter_takes_part_of_a_second_and_not_minutes() -> None:
    world = World(dim=1, capacity=4096)
    text = json.dumps({"list": list(range(10**8, 10**8 + 2_000))}).encode()
    world.upsert(range(1_500), payloads=[text] * 1_500)
    cost = estimate.of_count(world.snapshot(), parse_filter(costly(150)), FilterCache())
    assert 0.01 * COMPONENTS_A_SECOND < cost < COMPONENTS_A_SECOND


def test_a_batch_evaluates_each_filter_once() -> None:
    snapshot, cache, filter = world_of().snapshot(), FilterCache(), parse_filter(costly(50))
    asked = SearchRequest(vector=np.zeros(4, np.float32), filter=filter)
    one, ten = (estimate.of_searches(snapshot, [asked] * times, cache) for times in (1, 10))
    assert one >= estimate.of_count(snapshot, filter, cache)
    assert ten < 2 * one


def test_reading_columns_and_samples_count() -> None:
    snapshot, cache = world_of().snapshot(), FilterCache()
    assert estimate.of_fields(snapshot, MATCH_ALL, cache) > 2 * estimate.of_count(snapshot, MATCH_ALL, cache)
    pages = [estimate.of_scroll(snapshot, MATCH_ALL, limit, cache, reads=True) for limit in (1, 1_000)]
    assert pages[1] > 10 * pages[0]
    recalls = [estimate.of_recall(snapshot, RecallRequest(num=num), cache) for num in (1, 1_000)]
    assert recalls[1] > 50 * recalls[0]
    assert estimate.of_records(snapshot, 0, reads=True) == 0
