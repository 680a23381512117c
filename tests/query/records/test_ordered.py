"""An ordered walk meets each row once, where a plain sort has it, whatever segments and columns hold."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import PartView, Snapshot
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.query import FilterCache, OrderBy, Work, order_by, parse_filter, scroll
from asteroid_cloud.query.records import order_pool, ordered
from asteroid_cloud.wal.errors import InvalidRequest, TooCostly
from asteroid_cloud.wal.lsn import Lsn
from tests.query.selection.test_field_agreement import LONG, view_of
from tests.support import oracle
from tests.support.engines import opened
from tests.support.names import NASTY
from tests.support.parts import World
from tests.support.strategies import random_value

KINDS = ["number", "string", "boolean"]


def expected(documents: dict[Any, dict[str, Any]], path: str, *, descending: bool) -> list[Any]:
    """The ids in order, by a plain sort."""

    def kind(id: Any) -> str:
        return oracle.kind(oracle.at(documents[id], path))

    found: list[Any] = []
    for each in reversed(KINDS) if descending else KINDS:
        mine = sorted(id for id in documents if kind(id) == each)
        mine.sort(key=lambda id: oracle.at(documents[id], path), reverse=descending)
        found += mine
    return found + sorted(id for id in documents if kind(id) not in KINDS)


def walk(snapshot: Snapshot, order: OrderBy, limit: int, filter: object = None) -> list[int]:
    cursor, ids, cache, condition = None, [], FilterCache(), parse_filter(filter or {})
    for _ in range(10_000):
        page = scroll(snapshot, cache, limit=limit, filter=condition, cursor=cursor, order=order)
        assert len(page.records) <= limit
        ids += [record.id for record in page.records]
        cursor = page.cursor
        if cursor is None:
            return [int(id) for id in ids]
    raise AssertionError("a walk without an end")


def some_value(random: Random) -> Any:
    return random.choice(
        [
            random_value(random, 1),
            random.randrange(10**6),
            random.randrange(30),
            random.choice([2**53, 2**53 + 1, 2**64, 10**20, 10**20 + 1, -(2**63), 1e300, 0.1, -0.0]),
            random.choice(LONG),
            "a" * 31 + random.choice("bcé") * random.randrange(40),
        ]
    )


def documents_of(random: Random, rows: int) -> list[dict[str, Any]]:
    return [
        {"a": some_value(random), "b": {"x.y": random.choice([0, 1, "s", True])}, "even": row % 2 == 0}
        if random.random() < 0.95
        else {}
        for row in range(rows)
    ]


def snapshot_of(parts: Sequence[PartView]) -> Snapshot:
    return Snapshot(Lsn(1), IndexSpec(2, "l2"), tuple(parts), sum(part.live for part in parts))


@pytest.fixture(scope="module")
def two_parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, dict[int, dict[str, Any]]]:
    """A segment of many rows, some of them dead or not described by columns, and a memtable."""
    random, documents = Random(1), documents_of(Random(2), 3_000)
    texts = [json.dumps(each).encode() if each else b"" for each in documents]
    for row in range(0, 3_000, 97):
        texts[row] = b'{"z":1,"z":2,' + texts[row][1:] if texts[row] else b""  # a name that is given twice
    view = view_of(tmp_path_factory.mktemp("segment"), texts)
    dead = {random.randrange(3_000) for _ in range(300)}
    by_row = view.all_ids().tolist()
    alive = bytearray(375)
    for row, id in enumerate(by_row):
        alive[row // 8] |= (id not in dead) << row % 8
    first = PartView(view.part, view.rows, 3_000 - len(dead), np.frombuffer(bytes(alive), np.uint8))
    world = World(2, capacity=400)
    tail = documents_of(Random(3), 300)
    world.upsert(range(5_000, 5_300), payloads=[json.dumps(each).encode() if each else b"" for each in tail])
    found = {id: documents[id] for id in range(3_000) if id not in dead}
    found |= {5_000 + row: each for row, each in enumerate(tail)}
    return snapshot_of([first, *world.snapshot().parts]), found


@pytest.mark.parametrize("few", [0, ordered.FEW_ROWS])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("path", ["a", r"b.x\.y", "b", "missing", "even"])
def test_a_walk_is_a_plain_sort(
    two_parts: tuple[Snapshot, dict[int, dict[str, Any]]],
    path: str,
    descending: bool,
    few: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ordered, "FEW_ROWS", few)
    snapshot, documents = two_parts
    order = order_by({"field": path, "direction": "desc" if descending else "asc"})
    assert order is not None
    wanted = expected(documents, path, descending=descending)
    for limit in (37, 400, 10_000):
        assert walk(snapshot, order, limit) == wanted
    even = {id: each for id, each in documents.items() if each.get("even")}
    assert walk(snapshot, order, 50, {"even": True}) == expected(even, path, descending=descending)


def test_small_pages_of_every_kind(two_parts: tuple[Snapshot, dict[int, dict[str, Any]]]) -> None:
    snapshot, documents = two_parts
    some = {id: each for id, each in documents.items() if each.get("b") == {"x.y": "s"} and each.get("even")}
    for descending in (False, True):
        wanted = expected(some, "a", descending=descending)
        filter = {"b": {"x.y": "s"}, "even": True}
        assert walk(snapshot, OrderBy(("a",), descending), 1, filter) == wanted


def test_pages_of_long_strings_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_pool, "TEXT_BYTES_MAX", 4_000)
    random = Random(4)
    documents: dict[int, dict[str, Any]] = {
        id: {"a": random.choice(["x", "y"]) * random.choice([3, 300, 2_000])} for id in range(200)
    }
    world = World(1)
    world.upsert(list(documents), payloads=[json.dumps(each).encode() for each in documents.values()])
    for descending in (False, True):
        wanted = expected(documents, "a", descending=descending)
        assert walk(world.snapshot(), OrderBy(("a",), descending), 50) == wanted
    page = scroll(world.snapshot(), FilterCache(), limit=50, order=OrderBy(("a",), True))
    assert 1 <= len(page.records) < 50


def test_columns_spare_the_payloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"n": row % 50, "s": f"{row:06d}"} for row in range(4_000)]
    view = view_of(tmp_path, [json.dumps(each).encode() for each in documents])
    snapshot, read = snapshot_of([view]), []
    payloads = type(view.part).payloads

    def noted(part: Any, ordinals: Any, *more: Any) -> list[bytes]:
        read.append(len(ordinals))
        return payloads(part, ordinals, *more)

    monkeypatch.setattr(type(view.part), "payloads", noted)
    page = scroll(snapshot, FilterCache(), limit=100, order=OrderBy(("n",), True))
    assert [record.id % 50 for record in page.records] == [49] * 80 + [48] * 20
    assert read == []
    page = scroll(snapshot, FilterCache(), limit=100, order=OrderBy(("s",)))
    assert [record.id for record in page.records] == list(range(100))
    assert sum(read) < 1_200, "sixteen keys a group, and as many groups as are taken at a time"


def test_a_walk_beside_writes_meets_what_stays_once() -> None:
    random = Random(6)
    world, steady, cursor, seen = World(1, capacity=9_000), {}, None, []
    for id in range(600):
        steady[id] = {"a": some_value(random)}
    world.upsert(list(steady), payloads=[json.dumps(each).encode() for each in steady.values()])
    kept = {id: each for id, each in steady.items() if id % 3}
    order = OrderBy(("a",), True)
    while True:
        page = scroll(world.snapshot(), FilterCache(), limit=20, cursor=cursor, order=order)
        seen += [record.id for record in page.records]
        cursor = page.cursor
        if cursor is None:
            break
        world.add_block()
        changed = random.sample(range(0, 600, 3), 10)
        world.upsert(changed, payloads=[json.dumps({"a": some_value(random)}).encode() for _ in changed])
        replaced = random.sample(sorted(kept), 10)  # the same again: still where they are
        world.upsert(replaced, payloads=[json.dumps(kept[id]).encode() for id in replaced])
    assert [id for id in seen if id in kept] == expected(kept, "a", descending=True)


def test_a_cursor_belongs_to_its_order() -> None:
    world = World(1)
    world.upsert(range(9), payloads=[b'{"a":%d}' % row for row in range(9)])
    snapshot, cache, order = world.snapshot(), FilterCache(), OrderBy(("a",))
    cursor = scroll(snapshot, cache, limit=2, order=order).cursor
    plain = scroll(snapshot, cache, limit=2).cursor
    assert cursor is not None
    damaged = bytearray(base64.urlsafe_b64decode(cursor))
    damaged[6] ^= 1
    for wrong, other in [
        (cursor, None),
        (cursor, OrderBy(("a",), True)),
        (cursor, OrderBy(("b",))),
        (plain, order),
        (cursor[:-4], order),
        ("", order),
        ("é", order),
        (base64.urlsafe_b64encode(damaged).decode(), order),
    ]:
        with pytest.raises(InvalidRequest) as caught:
            scroll(snapshot, cache, limit=2, cursor=wrong, order=other)
        assert caught.value.code == "bad_cursor"
    with pytest.raises(InvalidRequest):
        scroll(snapshot, cache, limit=2, cursor=cursor, order=order, filter=parse_filter({"a": 1}))


@pytest.mark.anyio
async def test_ids_that_are_strings_break_ties_by_their_bytes(tmp_path: Path) -> None:
    random, names = Random(9), sorted({*NASTY, *(f"name {number}" for number in range(300))})
    documents = {name: {"a": random.choice([1, 2, "x", True, None])} for name in names}
    async with opened(tmp_path) as engine:
        await engine.create_index(2, "l2", ids="string")
        for start in range(0, len(names), 50):
            some = names[start : start + 50]
            payloads = [json.dumps(documents[name]).encode() for name in some]
            await engine.upsert(
                engine.snapshot().spec.ids.of(some), np.zeros((len(some), 2), np.float32), payloads
            )
        snapshot = engine.snapshot()
        for few in (0, ordered.FEW_ROWS):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ordered, "FEW_ROWS", few)
                for descending in (False, True):
                    found, cursor, cache = [], None, FilterCache()
                    while not found or cursor is not None:
                        order = OrderBy(("a",), descending)
                        page = scroll(snapshot, cache, limit=23, cursor=cursor, order=order)
                        found += [record.id for record in page.records]
                        cursor = page.cursor
                    assert found == expected(documents, "a", descending=descending)


@pytest.mark.anyio
async def test_a_walk_goes_on_after_restarts_and_merges(tmp_path: Path) -> None:
    random = Random(10)
    documents = {id: {"a": some_value(random)} for id in range(400)}
    found, cursor, order = [], None, OrderBy(("a",), True)
    async with opened(tmp_path) as engine:
        await engine.create_index(2, "l2")
        for start in range(0, 400, 40):
            some = list(range(start, start + 40))
            payloads = [json.dumps(documents[id]).encode() for id in some]
            await engine.upsert(np.array(some, np.uint64), np.zeros((40, 2), np.float32), payloads)
    while not found or cursor is not None:
        async with opened(tmp_path) as engine:
            page = scroll(engine.snapshot(), FilterCache(), limit=60, cursor=cursor, order=order)
            found += [record.id for record in page.records]
            cursor = page.cursor
            same = [documents[1]] * 2  # replaced as it is, so that there is something to seal and to merge
            texts = [json.dumps(each).encode() for each in same]
            await engine.upsert(np.array([1, 1], np.uint64), np.zeros((2, 2), np.float32), texts)
    assert found == expected(documents, "a", descending=True)


NO_ORDERS: list[object] = [[], "a", 1, True, {}, {"direction": "asc"}, {"field": 1}, {"field": ""}]
NO_ORDERS += [{"field": "$a"}, {"field": "a\\"}, {"field": "x" * 1_025}, {"field": "a", "direction": "up"}]
NO_ORDERS += [{"field": "a", "direction": None}, {"field": "a", "x": 1}]


@pytest.mark.parametrize("asked", NO_ORDERS, ids=lambda asked: str(asked)[:40])
def test_what_is_no_order_is_refused(asked: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        order_by(asked)
    assert caught.value.code == "bad_order_by"


def test_a_page_is_bounded_by_its_work() -> None:
    world = World(1)
    world.upsert(range(2_000), payloads=[b'{"a":%d}' % row for row in range(2_000)])
    with pytest.raises(TooCostly):
        scroll(world.snapshot(), FilterCache(), limit=2, order=OrderBy(("a",)), work=Work(100_000))
