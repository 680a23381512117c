"""What a field holds: counted and bounded exactly as a plain loop over the payloads would, or refused."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from asteroid_cloud.query import (
    MATCH_ALL,
    Bounds,
    FacetValue,
    FilterCache,
    facets,
    field_path,
    field_range,
    parse_filter,
)
from asteroid_cloud.query.fields.facets import facets as facets_function
from asteroid_cloud.query.limits import FACET_LIMIT_MAX, FIELD_BYTES_MAX
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest, TooLarge
from tests.support import oracle, strategies
from tests.support.parts import World

WHOLE = FACET_LIMIT_MAX
FILTERS: list[dict[str, Any]] = [
    {},
    {"b": {"$exists": True}},
    {"c": {"$size": {"$gte": 1}}},
    {"a": {"$in": []}},
]


def world_of(payloads: list[dict[str, Any]], parts: int = 3) -> World:
    """The payloads dealt to some parts, and among them rows that are dead."""
    world = World(1, capacity=2 * len(payloads) + 2)
    for part in range(parts):
        world.add_block()
        mine = payloads[part::parts]
        ids = [part + parts * n for n in range(len(mine))]
        world.upsert(ids, payloads=[b'{"a":"dead","b":"dead"}'] * len(ids))
        world.upsert(ids, payloads=[json.dumps(each).encode() if each else b"" for each in mine])
    return world


def expected(payloads: list[dict[str, Any]], name: str) -> tuple[dict[str, int], int]:
    """Rows by value, a value being told by its kind and text; and rows with the field."""
    counts: dict[str, int] = {}
    present = 0
    for payload in payloads:
        value = oracle.at(payload, name)
        if value is oracle.ABSENT:
            continue
        present += 1
        listed = value if isinstance(value, list) else [value]
        for key in {text_of(each) for each in listed if not isinstance(each, dict | list)}:
            counts[key] = counts.get(key, 0) + 1
    return counts, present


def text_of(value: Any) -> str:
    """1 and 1.0 alike, true apart from both."""
    whole = isinstance(value, float) and value.is_integer()
    return f"{oracle.kind(value)} {int(value) if whole else value}"


ORDER = ["null", "boolean", "number", "string"]


def listed(counts: dict[str, tuple[Any, int]], order: str, contains: str | None) -> list[tuple[Any, int]]:
    """All values with their counts in an order, as a plain sort has them."""
    found = [
        each
        for each in counts.values()
        if contains is None or (isinstance(each[0], str) and contains in each[0])
    ]
    found.sort(
        key=lambda each: (
            ORDER.index(oracle.kind(each[0])),
            [ord(letter) for letter in each[0]] if isinstance(each[0], str) else [each[0] or 0],
        )
    )
    if order == "count":
        found.sort(key=lambda each: -each[1])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_values_are_listed_as_a_plain_sort_has_them(seed: int) -> None:
    random = Random(seed)
    payloads = [{"a": strategies.random_value(random, 1)} for _ in range(300)]
    snapshot, cache = world_of(payloads).snapshot(), FilterCache()
    values = {
        text_of(each): each
        for payload in payloads
        for each in (payload["a"] if isinstance(payload["a"], list) else [payload["a"]])
        if not isinstance(each, dict | list)
    }
    counts, _ = expected(payloads, "a")
    whole = {key: (values[key], count) for key, count in counts.items()}
    for _ in range(300):
        order, contains = (
            random.choice(["count", "value"]),
            random.choice([None, None, "", "a", "26", "é", "zz"]),
        )
        offset, limit = random.randrange(12), random.randint(1, 12)
        found = facets(snapshot, cache, ("a",), limit=limit, offset=offset, order=order, contains=contains)
        wanted = listed(whole, order, contains)
        assert found.distinct == len(wanted)
        assert [(text_of(each.value), each.count) for each in found.values] == [
            (text_of(value), count) for value, count in wanted[offset : offset + limit]
        ]


@pytest.mark.parametrize("name", strategies.PATHS)
@pytest.mark.parametrize("seed", range(3))
def test_counts_and_bounds_are_those_of_a_plain_loop(name: str, seed: int) -> None:
    random = Random(seed)
    payloads = [strategies.random_payload(random) for _ in range(300)]
    snapshot, masks = world_of(payloads).snapshot(), FilterCache()
    for filter in FILTERS:
        matching = [payload for payload in payloads if oracle.matches(filter, payload)]
        counts, present = expected(matching, name)
        found = facets(snapshot, masks, field_path(name), parse_filter(filter), limit=WHOLE)
        assert {text_of(each.value): each.count for each in found.values} == counts
        assert len(found.values) == found.distinct == len(counts)
        assert (found.rows, found.rows_with_field) == (len(matching), present)
        assert found.rows_without_field == len(matching) - present
        bounds = field_range(snapshot, masks, field_path(name), parse_filter(filter))
        assert (bounds.rows, bounds.rows_with_field) == (len(matching), present)
        for kind, told in (("number", bounds.numbers), ("string", bounds.strings)):
            assert told == plain_bounds(matching, name, kind)


def plain_bounds(payloads: list[dict[str, Any]], name: str, kind: str) -> Bounds | None:
    rows = []
    for payload in payloads:
        value = oracle.at(payload, name)
        listed = value if isinstance(value, list) and value is not oracle.ABSENT else [value]
        rows.append([each for each in listed if oracle.kind(each) == kind])
    values = sorted(value for row in rows for value in row)
    return Bounds(sum(map(bool, rows)), values[0], values[-1]) if values else None


def test_the_commonest_come_first_and_ties_by_value() -> None:
    values: list[Any] = [
        "b",
        "b",
        2,
        10,
        "a",
        None,
        True,
        False,
        "b",
        ["a", "a", "z", 2.0],
        {"x": 1},
        [[1]],
        [],
    ]
    snapshot = world_of([{"a": value} for value in values] + [{}]).snapshot()
    found = facets(snapshot, FilterCache(), ("a",), limit=20)
    listed = [(each.value, each.count) for each in found.values]
    assert listed == [
        *(("b", 3), (2, 2), ("a", 2)),
        *((None, 1), (False, 1), (True, 1), (10, 1), ("z", 1)),
    ]
    assert [type(each.value) for each in found.values][1] is int
    assert (found.distinct, found.rows, found.rows_with_field, found.rows_without_field) == (8, 14, 13, 1)
    first = facets(snapshot, FilterCache(), ("a",), limit=2)
    assert (first.values, first.distinct) == ([FacetValue("b", 3), FacetValue(2, 2)], 8)


def test_large_integers_stay_exact() -> None:
    world = world_of([{"a": 2**53}, {"a": 2**53 + 1}, {"a": float(2**53)}, {"a": 2**64 - 1}])
    found = facets(world.snapshot(), FilterCache(), ("a",), limit=9)
    assert [(each.value, each.count) for each in found.values] == [(2**53, 2), (2**53 + 1, 1), (2**64 - 1, 1)]
    assert field_range(world.snapshot(), FilterCache(), ("a",)).numbers == Bounds(4, 2**53, 2**64 - 1)


def test_names_that_are_not_ascii_are_found() -> None:
    world = world_of([{"größe": {"é": "x"}}, {"größe": 1}])
    assert facets(world.snapshot(), FilterCache(), field_path("größe.é")).values == [FacetValue("x", 1)]


def test_too_many_values_are_refused_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of([{"a": n, "b": ["x" * n]} for n in range(20)])
    snapshot = world.snapshot()
    few = parse_filter({"a": {"$lt": 10}})
    monkeypatch.setitem(facets_function.__globals__, "FACET_VALUES_MAX", 10)
    assert facets(snapshot, FilterCache(), ("a",), few).distinct == 10
    with pytest.raises(TooLarge) as caught:
        facets(snapshot, FilterCache(), ("a",))
    assert (caught.value.code, caught.value.details["limit"]) == ("too_many_values", 10)
    monkeypatch.setitem(facets_function.__globals__, "FACET_TEXT_BYTES_MAX", 45)
    assert facets(snapshot, FilterCache(), ("b",), few).distinct == 10
    monkeypatch.setitem(facets_function.__globals__, "FACET_TEXT_BYTES_MAX", 44)
    with pytest.raises(TooLarge):
        facets(snapshot, FilterCache(), ("b",), few)
    assert field_range(snapshot, FilterCache(), ("a",)).numbers == Bounds(20, 0, 19)


@pytest.mark.parametrize("field", ["", "$a", None, 1, ["a"], "x" * (FIELD_BYTES_MAX + 1), "\ud800"])
def test_a_field_that_is_no_path_is_refused(field: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        field_path(field)
    assert caught.value.code == "bad_field"


@pytest.mark.parametrize("limit", [0, -1, FACET_LIMIT_MAX + 1, True, 1.0, "1", None])
def test_a_limit_out_of_bounds_is_refused(limit: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        facets(World(1).snapshot(), FilterCache(), ("a",), limit=limit)
    assert caught.value.code == "bad_limit"


def test_a_payload_that_is_no_json_is_corruption() -> None:
    world = World(1)
    world.upsert([1], payloads=[b"{"])
    for ask in (facets, field_range):
        with pytest.raises(CorruptionError):
            ask(world.snapshot(), FilterCache(), ("a",), MATCH_ALL)
