"""A scan for few matches and flat parts, a walk for many, and nothing at all for none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asteroid_cloud.query import MATCH_ALL, FilterCache, SearchRequest, parse_filter
from asteroid_cloud.query.costs import NODE, READING, RECORD
from asteroid_cloud.query.knn import planner
from asteroid_cloud.query.knn.planner import (
    PLANS_KEPT,
    SCAN_MATCHES_MAX,
    VISITS_PER_EF,
    WALK_COST,
    Plan,
    estimate,
    plan_search,
    scan_limit,
)
from asteroid_cloud.query.selection.filter_cost import cost_of_payloads
from tests.support.parts import World

ROWS = 20_000


@pytest.fixture(scope="module")
def world() -> World:
    """One part that says it has a graph: 1 row in 5 has a 1, 1 in 100 a 2."""
    world = World(dim=1, capacity=ROWS)
    world.add_block(is_flat=False)
    texts = [b'{"n":1,"m":2}' if n % 100 == 0 else b'{"n":1}' if n % 5 == 0 else b"" for n in range(ROWS)]
    world.upsert(range(ROWS), payloads=texts)
    return world


def plan(world: World, filter: object = None, *, ef: int = 10, exact: bool = False) -> Plan:
    parsed = MATCH_ALL if filter is None else parse_filter(filter)
    return plan_search(world.snapshot(), parsed, FilterCache(), ef=ef, exact=exact)


def test_everything_is_walked_without_a_mask(world: World) -> None:
    made = plan(world)
    (part,) = made.parts
    assert (part.mask, part.matches, part.scan) == (None, ROWS, False)
    assert made.choices[0].method == "walk"
    assert made.matches == ROWS


def test_few_matches_are_scanned_and_many_walked(world: World) -> None:
    few, many = plan(world, {"m": 2}), plan(world, {"n": 1})
    assert (few.parts[0].scan, few.parts[0].matches) == (True, ROWS // 100)
    assert (many.parts[0].scan, many.parts[0].matches) == (False, ROWS // 5)
    mask = many.parts[0].mask
    assert mask is not None
    assert int(np.bitwise_count(mask).sum()) == ROWS // 5


def test_a_broader_walk_makes_the_scan_cheaper(world: World) -> None:
    assert plan(world, {"n": 1}, ef=10_000).parts[0].scan
    assert plan(world, ef=10_000).parts[0].scan


def test_exact_is_a_scan_of_every_match(world: World) -> None:
    assert plan(world, exact=True).parts[0].scan
    assert plan(world, {"n": 1}, exact=True).choices[0].reason == "exact was asked for"


def test_no_match_leaves_the_part_out_but_not_its_explanation(world: World) -> None:
    made = plan(world, {"n": 7})
    assert made.parts == []
    assert made.matches == 0
    (choice,) = made.choices
    assert (choice.rows, choice.live, choice.matches, choice.method) == (ROWS, ROWS, 0, "skip")


def test_a_flat_part_is_scanned_whatever_matches() -> None:
    world = World(dim=1, capacity=ROWS)
    world.upsert(range(ROWS))
    assert plan(world).parts[0].scan


def test_dead_rows_bring_the_bits_of_the_living() -> None:
    world = World(dim=1, capacity=ROWS)
    world.add_block(is_flat=False)
    world.upsert(range(ROWS))
    world.delete([3])
    (part,) = plan(world).parts
    assert part.mask is not None
    assert part.matches == ROWS - 1
    assert not part.scan


def test_the_limit_grows_with_the_breadth_and_in_large_parts_with_the_root_of_rows() -> None:
    assert scan_limit(1, 1) == SCAN_MATCHES_MAX
    assert scan_limit(50_000, 512) == 4 * scan_limit(50_000, 128) > SCAN_MATCHES_MAX
    million = scan_limit(1_000_000, 128)
    assert 10_000 < million < 50_000
    assert scan_limit(4_000_000, 128) == pytest.approx(2 * million, rel=1e-3)
    assert scan_limit(1_000_000, 512) == pytest.approx(2 * million, rel=1e-3)


def test_a_plan_is_made_once_a_snapshot_and_breadth(world: World) -> None:
    snapshot, masks, one = world.snapshot(), FilterCache(), parse_filter({"n": 1})
    made = plan_search(snapshot, one, masks, ef=10, exact=False)
    assert plan_search(snapshot, one, masks, ef=10, exact=False) is made
    assert plan_search(snapshot, one, masks, ef=11, exact=False) is not made
    assert plan_search(world.snapshot(), one, masks, ef=10, exact=False) is not made


def test_what_is_kept_with_a_snapshot_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, masks = world.snapshot(), FilterCache()
    for n in range(3 * PLANS_KEPT):
        plan_search(snapshot, parse_filter({"n": n}), masks, ef=10, exact=False)
    assert len(snapshot.memo) <= PLANS_KEPT
    monkeypatch.setattr(planner, "PLAN_BYTES_MAX", ROWS // 8 - 1)
    large = parse_filter({"n": 1, "m": {"$ne": 3}})
    made = plan_search(snapshot, large, masks, ef=10, exact=False)
    assert made not in snapshot.memo.values()


def asked(filter: object = None, **fields: Any) -> SearchRequest:
    parsed = MATCH_ALL if filter is None else parse_filter(filter)
    return SearchRequest(vector=np.zeros(1, np.float32), filter=parsed, **fields)


def test_an_exact_search_costs_every_row_and_a_walk_what_it_measures(world: World) -> None:
    snapshot, cache = world.snapshot(), FilterCache()
    assert estimate(snapshot, asked(exact=True), cache) == ROWS
    walk = estimate(snapshot, asked(ef_search=100), cache)
    assert walk == VISITS_PER_EF * 100 * WALK_COST
    assert estimate(snapshot, asked(ef_search=100_000), cache) == ROWS * WALK_COST
    with_payloads = asked(k=10, include_payload=True, ef_search=100)
    assert estimate(snapshot, with_payloads, cache) == walk + 10 * (RECORD + READING)


def test_a_filter_costs_its_evaluation_until_it_is_cached(world: World) -> None:
    snapshot, cache, wanted = world.snapshot(), FilterCache(), asked({"n": 1})
    first = estimate(snapshot, wanted, cache)
    assert first == scan_limit(ROWS, wanted.ef) + cost_of_payloads(snapshot.parts[0], wanted.filter, ROWS)
    assert first > ROWS * NODE
    plan_search(snapshot, wanted.filter, cache, ef=wanted.ef, exact=False)
    assert estimate(snapshot, wanted, cache) == scan_limit(ROWS, wanted.ef)
