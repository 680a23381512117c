"""A walk meets every id that stays exactly once, in order, whatever is written meanwhile."""

from __future__ import annotations

import base64
import random

import pytest

from asteroid_cloud.query import MATCH_ALL, Filter, FilterCache, ScrollPage, parse_filter, scroll
from asteroid_cloud.query import scroll as scroll_function
from asteroid_cloud.query.limits import SCROLL_LIMIT_MAX
from asteroid_cloud.query.records.cursor import cursor_of
from asteroid_cloud.wal import LSN_MAX, Lsn
from asteroid_cloud.wal.errors import InvalidRequest, Overloaded
from tests.support.parts import World

RED = parse_filter({"red": True})


def shuffled(rows: int, parts: int = 3) -> tuple[World, list[int]]:
    """Sparse ids in random order over some parts; every third is red."""
    chance = random.Random(1)
    ids = sorted({*(chance.randrange(2**64) for _ in range(rows - 2)), 0, 2**64 - 1})
    order = chance.sample(ids, len(ids))
    world = World(1, capacity=rows)
    for part in range(parts):
        world.add_block()
        mine = order[part::parts]
        world.upsert(mine, payloads=[b'{"red":true}' if id % 3 == 0 else b"" for id in mine])
    return world, ids


def walk(world: World, limit: int, filter: Filter = MATCH_ALL) -> list[ScrollPage]:
    pages = [scroll(world.snapshot(), FilterCache(), limit=limit, filter=filter)]
    while pages[-1].cursor is not None:
        pages.append(
            scroll(world.snapshot(), FilterCache(), limit=limit, filter=filter, cursor=pages[-1].cursor)
        )
    return pages


@pytest.mark.parametrize("limit", [1, 7, 100, 149, 150, 151, SCROLL_LIMIT_MAX])
def test_pages_are_full_and_together_are_all_ids_in_order(limit: int) -> None:
    world, ids = shuffled(150)
    pages = walk(world, limit)
    assert [record.id for page in pages for record in page.records] == ids
    assert [len(page.records) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == -(-len(ids) // limit), "no empty page at the end"


def test_a_filter_walks_its_matches() -> None:
    world, ids = shuffled(200)
    pages = walk(world, 9, RED)
    assert [record.id for page in pages for record in page.records] == [id for id in ids if id % 3 == 0]


def test_steps_within_a_part_join(monkeypatch: pytest.MonkeyPatch) -> None:
    world, ids = shuffled(300, parts=2)
    monkeypatch.setitem(scroll_function.__globals__, "ROWS_A_STEP", 16)
    assert [record.id for page in walk(world, 11) for record in page.records] == ids


def test_what_stays_is_met_once_while_writes_go_on() -> None:
    world, ids = shuffled(300)
    chance = random.Random(2)
    steady, seen, cursor = set(ids[::2]), [], None
    added = 0
    while True:
        page = scroll(world.snapshot(), FilterCache(), limit=10, cursor=cursor)
        seen += [record.id for record in page.records]
        cursor = page.cursor
        if cursor is None:
            break
        world.add_block()
        world.delete(chance.sample(ids[1::2], 5))
        world.upsert(chance.sample(sorted(steady), 5))  # replaced: still there
        world.upsert([chance.randrange(2**64) for _ in range(3)])
        added += 3
    assert added > 30
    assert seen == sorted(set(seen)), "in order, none twice"
    assert steady <= set(seen)


def test_columns_come_when_asked_for() -> None:
    world = World(2)
    world.upsert([5, 4], payloads=[b'{"n":5}', b""])
    page = scroll(world.snapshot(), FilterCache(), limit=5, payload=True, vector=True)
    assert [(record.id, record.payload) for record in page.records] == [(4, b"{}"), (5, b'{"n":5}')]
    assert page.records[0].vector is not None
    assert page.records[0].vector.tolist() == [0, 0]
    assert (page.lsn, page.cursor) == (world.snapshot().lsn, None)


def test_nothing_to_walk() -> None:
    page = scroll(World(1).snapshot(), FilterCache(), limit=5)
    assert (page.records, page.cursor) == ([], None)


@pytest.mark.parametrize("limit", [0, -1, SCROLL_LIMIT_MAX + 1, True, 1.0])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        scroll(World(1).snapshot(), FilterCache(), limit=limit)
    assert caught.value.code == "bad_limit"


def firstcursor_of(world: World) -> str:
    cursor = scroll(world.snapshot(), FilterCache(), limit=2).cursor
    assert cursor is not None
    return cursor


def test_a_foreign_or_damaged_cursor_is_refused() -> None:
    world, _ = shuffled(9)
    good = firstcursor_of(world)
    damaged = bytearray(base64.urlsafe_b64decode(good))
    damaged[3] ^= 1
    for bad in ["", "x", "é", "a" * 28, good[:-4], good + good, base64.urlsafe_b64encode(damaged).decode()]:
        with pytest.raises(InvalidRequest) as caught:
            scroll(world.snapshot(), FilterCache(), limit=2, cursor=bad)
        assert caught.value.code == "bad_cursor"
    with pytest.raises(InvalidRequest, match="another filter"):
        scroll(world.snapshot(), FilterCache(), limit=2, cursor=good, filter=RED)


def test_a_cursor_of_an_lsn_that_no_store_gives_out_is_refused() -> None:
    world, _ = shuffled(9)
    for lsn in (LSN_MAX + 1, 2**64 - 1):
        with pytest.raises(InvalidRequest, match=str(LSN_MAX)) as caught:
            scroll(world.snapshot(), FilterCache(), limit=2, cursor=cursor_of(1, Lsn(lsn), MATCH_ALL))
        assert caught.value.code == "bad_cursor"


def test_a_snapshot_older_than_the_page_before_is_not_walked() -> None:
    world, _ = shuffled(9)
    old = world.snapshot()
    world.delete([0])
    with pytest.raises(Overloaded) as caught:
        scroll(old, FilterCache(), limit=2, cursor=firstcursor_of(world))
    assert caught.value.code == "not_caught_up"
