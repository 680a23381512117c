"""Chosen fields of payloads: exact texts, nesting kept, nothing else."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.indexer import unbounded
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query import UNBOUNDED, Projection, Work, fetch
from asteroid_cloud.query.records.projection import projected_at
from asteroid_cloud.wal.errors import CorruptionError, TooCostly
from tests.support.parts import World
from tests.support.strategies import random_payload

CASES: list[tuple[str, list[list[str]], str]] = [
    ('{"a":1,"b":2}', [["a"]], '{"a":1}'),
    ('{"a":1,"b":2}', [], "{}"),
    ('{"a":1,"b":2}', [["c"]], "{}"),
    ('{"b":2,"a":1}', [["a"], ["b"]], '{"b":2,"a":1}'),
    ('{"a":{"b":1,"c":2},"d":3}', [["a", "b"]], '{"a":{"b":1}}'),
    ('{"a":{"b":1,"c":2}}', [["a", "b"], ["a"]], '{"a":{"b":1,"c":2}}'),
    ('{"a":{"b":1,"c":2}}', [["a", "c"], ["a", "b"], ["a", "b"]], '{"a":{"b":1,"c":2}}'),
    ('{"a":{"c":2},"z":1}', [["a", "b"], ["z"]], '{"z":1}'),
    ('{"a":{"x":{"y":{}}},"z":1}', [["a", "x", "y", "w"]], "{}"),
    ('{"a":{"x":{"y":{}}},"z":1}', [["a", "x", "y"]], '{"a":{"x":{"y":{}}}}'),
    ('{"a":[{"b":1}],"c":[1,{"b":2}]}', [["a", "b"], ["c"]], '{"c":[1,{"b":2}]}'),
    ('{"a":1}', [["a", "b"]], "{}"),
    ('{"a":null}', [["a"]], '{"a":null}'),
    ('{"n":9007199254740993,"m":18446744073709551615}', [["n"], ["m"]], None),
    ('{"n":1.0,"m":1e5,"o":-0.0,"p":0.10}', [["n"], ["m"], ["o"], ["p"]], None),
    ('{ "a" : [ 1 , 2 ] , "b" : { "c" : "x" } }', [["a"], ["b", "c"]], '{"a":[ 1 , 2 ],"b":{"c":"x"}}'),
    ('{"caf\\u00e9":1,"\\ud83d\\ude00":2}', [["café"], ["\U0001f600"]], None),
    ('{"a.b":1,"a":{"b":2}}', [["a.b"]], '{"a.b":1}'),
    ('{"a.b":1,"a":{"b":2}}', [["a", "b"]], '{"a":{"b":2}}'),
    ('{"":{"":1}}', [["", ""]], None),
    ('{"a":"}\\"{","b":1}', [["b"]], '{"b":1}'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths", "expected"), CASES)
def test_of_a_payload_its_chosen_fields_remain(
    text: str, paths: list[list[str]], expected: str | None
) -> None:
    assert core.Projection(paths).apply([text.encode()]) == [(expected or text).encode()]


def chosen(document: Any, paths: list[tuple[str, ...]]) -> Any:
    """The same, written a second time on decoded values."""
    found = {}
    for name, value in document.items():
        mine = [path[1:] for path in paths if path[0] == name]
        if () in mine:
            found[name] = value
        elif mine and isinstance(value, dict) and (inside := chosen(value, mine)):
            found[name] = inside
    return found


def test_random_payloads_agree_with_a_second_reading() -> None:
    chance = Random(9)
    for _ in range(3_000):
        document = random_payload(chance)
        paths = [
            tuple(chance.choice("abc") for _ in range(chance.choice([1, 1, 2, 3])))
            for _ in range(chance.randrange(4))
        ]
        text = json.dumps(document, ensure_ascii=chance.random() < 0.5).encode()
        (cut,) = core.Projection(paths).apply([text])
        expected = chosen(document, paths)
        assert json.dumps(json.loads(cut)) == json.dumps(expected), (document, paths)


def test_records_are_cut_some_at_a_time_and_counted_as_what_is_kept() -> None:
    world, filling = World(1), "x" * 60_000
    world.upsert(range(50), payloads=[b'{"big":"%s","n":%d}' % (filling.encode(), id) for id in range(50)])
    world.add_block()
    world.upsert([50, 51])
    kept: list[int] = []
    ids = np.array([51, 3, 3, 99, 49, 0], np.uint64)
    cut = Projection(frozenset({("n",)}))
    found = fetch(world.snapshot(), ids, payload=True, fields=cut, take=kept.append)
    texts = [None if record is None else record.payload for record in found]
    assert texts == [b"{}", b'{"n":3}', b'{"n":3}', None, b'{"n":49}', b'{"n":0}']
    assert sum(kept) == sum(len(text) for text in texts if text)


def test_work_hears_of_what_is_read_and_not_only_of_what_is_kept() -> None:
    world = World(1)
    world.upsert(range(50), payloads=[b'{"big":"%s"}' % (b"x" * 60_000)] * 50)
    ids = np.arange(50, dtype=np.uint64)
    with pytest.raises(TooCostly):
        fetch(world.snapshot(), ids, payload=True, fields=Projection(frozenset()), work=Work(2_000_000))


def test_a_payload_that_is_no_object_is_damage() -> None:
    world = World(1)
    world.upsert([1], payloads=[b'{"a":1'])
    places = np.zeros(1, np.uint32)
    cut = Projection(frozenset({("a",)}))
    with pytest.raises(CorruptionError):
        projected_at(world.snapshot().parts, places, places, cut, unbounded, UNBOUNDED)
