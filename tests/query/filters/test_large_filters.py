"""Large filters: lists of thousands of values, how they are bounded, and what is kept of them."""

from __future__ import annotations

import json

import pytest

from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.filters.filter import KEY_BYTES_MAX
from asteroid_cloud.query.filters.parsed import ParsedFilters
from asteroid_cloud.query.filters.tree import SPELLED_VALUES_MAX
from asteroid_cloud.query.limits import FILTER_BYTES_MAX, FILTER_NODES_MAX, FILTER_VALUES_MAX
from asteroid_cloud.wal.errors import InvalidRequest


def refused(source: object) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parse_filter(source)
    assert caught.value.code == "bad_filter"
    return caught.value.message


@pytest.mark.parametrize("operator", ["$in", "$nin", "$contains_any", "$contains_all"])
def test_lists_have_so_many_values_at_most(operator: str) -> None:
    parse_filter({"a": {operator: [*range(FILTER_VALUES_MAX)]}})
    refused({"a": {operator: [*range(FILTER_VALUES_MAX + 1)]}})
    half = {operator: [*range(FILTER_VALUES_MAX // 2)]}
    parse_filter({"a": half, "b": half})
    assert "$.c" in refused({"a": half, "b": half, "c": {operator: [1]}})


def test_values_within_values_count_too() -> None:
    most = FILTER_VALUES_MAX + 4 * FILTER_NODES_MAX
    numbers, lists = ",".join(["0"] * (most + 2)), ",".join(["[]"] * most)
    for source in (f'{{"a":[{numbers}]}}', f'{{"a":{{"$in":[{lists}]}}}}'):
        assert "20000 values" in refused(source.encode())


def test_commas_within_texts_are_no_values() -> None:
    text = ",[{" * 100_000
    found = parse_filter(json.dumps({"a": {"$in": [text, "b"]}}).encode())
    assert found.matches({"a": text})
    assert not found.matches({"a": "c"})


def test_values_of_every_kind_are_told_apart() -> None:
    kinds = [True, None, 1, 2.0, "1", [1], {"b": [2.0]}, 2**63 + 1]
    found = parse_filter({"a": {"$in": [*kinds, *(f"filling {i}" for i in range(10_000))]}})
    for value in [*kinds, 1.0, 2, [1.0], {"b": [2]}, "filling 9999"]:
        assert found.matches({"a": value}), value
    for value in (False, 0, "2", [True], {"b": [2, 2]}, float(2**63 + 1), "filling", {}):
        assert not found.matches({"a": value}), value


@pytest.mark.parametrize("bad", ["\ud800", float("nan"), float("inf")])
def test_one_bad_value_of_many_is_named(bad: object) -> None:
    many: list[object] = ["x"] * 5_000
    many[4_321] = bad
    source = json.dumps({"a": {"$in": many}}).encode()
    message = refused(source)
    assert "[4321]" in message or "NaN" in message or "Infinity" in message


def test_keys_of_large_filters_are_short_and_their_own() -> None:
    many = [f"value {i}" for i in range(SPELLED_VALUES_MAX + 1)]
    keys = {
        parse_filter({"a": {"$in": many}}).key,
        parse_filter({"a": {"$in": many[:-1]}}).key,
        parse_filter({"a": {"$in": [*many[:-1], "other"]}}).key,
        parse_filter({"b": {"$in": many}}).key,
        parse_filter({"a": {"$nin": many}}).key,
        parse_filter({"a": "x" * 500_000}).key,
        parse_filter({"a": "x" * 499_999}).key,
    }
    assert len(keys) == 7
    assert max(map(len, keys)) <= KEY_BYTES_MAX
    assert parse_filter({"a": {"$in": [*many]}}).key in keys
    assert len(parse_filter({"a": "x" * 500_000}).shown) < 300


def test_a_filter_may_have_a_mebibyte() -> None:
    filling = "x" * (FILTER_BYTES_MAX - len('{"a":""}'))
    assert parse_filter(b'{"a":"%s"}' % filling.encode()).matches({"a": filling})
    refused(b'{"a":"%s"}' % (filling + "x").encode())


def test_parsed_filters_are_bounded_by_number_and_by_size() -> None:
    made: list[bytes] = []

    def parse(text: bytes) -> int:
        made.append(text)
        return len(text)

    kept = ParsedFilters(parse, 3, 100)
    assert [kept(b"x" * 40), kept(b"x" * 40), kept(b"y" * 40)] == [40, 40, 40]
    assert (len(kept), kept.bytes, len(made)) == (2, 80, 2)
    kept(b"x" * 40)
    kept(b"z" * 30)
    assert (len(kept), kept.bytes) == (2, 70)
    kept(b"x" * 40)
    assert len(made) == 3
    kept(b"big" * 50)
    assert (len(kept), kept.bytes) == (0, 0)
    for text in (b"1", b"2", b"3", b"4"):
        kept(text)
    assert len(kept) == 3
