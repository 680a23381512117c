"""Any bytes give a tree or ``bad_filter`` with the place; nothing malformed passes for something else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asteroid_cloud.query import MATCH_ALL, Filter, parse_filter
from asteroid_cloud.query.limits import FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_NODES_MAX
from asteroid_cloud.wal.errors import InvalidRequest
from tests.support import strategies

MALFORMED: list[tuple[bytes, str]] = [
    (b"", "$"),
    (b"null", "$"),
    (b"[]", "$"),
    (b"1", "$"),
    (b'"a"', "$"),
    (b"{", "$"),
    (b'{"a":1}x', "$"),
    (b'{"a":NaN}', "$"),
    (b'{"a":Infinity}', "$"),
    (b'{"a":1e999}', "$.a"),
    (b'{"a":-1e999}', "$.a"),
    (b'{"a":' + b"9" * 5000 + b"}", "$"),
    (b'{"a":"\xff"}', "$"),
    (b'\xef\xbb\xbf{"a":1}', "$"),
    (b'{"a":1}'.decode().encode("utf-16"), "$"),
    (b'{"a":"\\ud800"}', "$.a"),
    (b'{"\\udfff":1}', "$"),
    (b'{"a":1,"a":2}', "$.a"),
    (b'{"a":{"b":1,"b":1}}', "$.a.b"),
    (b'{"a":{"$gt":1,"$gt":2}}', "$.a.$gt"),
    (b'{"$foo":1}', "$.$foo"),
    (b'{"$":1}', "$.$"),
    (b'{"$eq":1}', "$.$eq"),
    (b'{"$gte":1}', "$.$gte"),
    (b'{"a":{"$foo":1}}', "$.a.$foo"),
    (b'{"a":{"$regexp":"x"}}', "$.a.$regexp"),
    (b'{"a":{"$and":[]}}', "$.a.$and"),
    (b'{"a":{"$or":[{"$gt":1}]}}', "$.a.$or"),
    (b'{"a":{"$nor":[]}}', "$.a.$nor"),
    (b'{"a":{"$gte":1,"b":2}}', "$.a"),
    (b'{"a":{"b":2,"$gte":1}}', "$.a"),
    (b'{"a":{"b":{"$gte":1}}}', "$.a.b.$gte"),
    (b'{"a":[{"$gte":1}]}', "$.a[0].$gte"),
    (b'{"a":{"$exists":1}}', "$.a.$exists"),
    (b'{"a":{"$exists":null}}', "$.a.$exists"),
    (b'{"a":{"$exists":"true"}}', "$.a.$exists"),
    (b'{"a":{"$in":1}}', "$.a.$in"),
    (b'{"a":{"$in":{"b":1}}}', "$.a.$in"),
    (b'{"a":{"$nin":"ab"}}', "$.a.$nin"),
    (b'{"a":{"$contains_any":1}}', "$.a.$contains_any"),
    (b'{"a":{"$contains_all":null}}', "$.a.$contains_all"),
    (b'{"$prefix":"x"}', "$.$prefix"),
    (b'{"a":{"$prefix":1}}', "$.a.$prefix"),
    (b'{"a":{"$prefix":"\\ud800"}}', "$.a.$prefix"),
    (b'{"a":{"$ieq":["x"]}}', "$.a.$ieq"),
    (b'{"a":{"$ieq":null}}', "$.a.$ieq"),
    (b'{"a":{"$size":-1}}', "$.a.$size"),
    (b'{"a":{"$size":1.0}}', "$.a.$size"),
    (b'{"a":{"$size":true}}', "$.a.$size"),
    (b'{"a":{"$size":{}}}', "$.a.$size"),
    (b'{"a":{"$size":{"$in":[1]}}}', "$.a.$size.$in"),
    (b'{"a":{"$size":{"$gte":"1"}}}', "$.a.$size.$gte"),
    (b'{"a":{"$size":{"$gte":1,"$gte":1}}}', "$.a.$size.$gte"),
    (b'{"a":{"$after":"2026-01"}}', "$.a.$after"),
    (b'{"a":{"$at":"2026-01-01 00:00:00"}}', "$.a.$at"),
    (b'{"a":{"$on_or_after":20260101}}', "$.a.$on_or_after"),
    (b'{"a":{"$before":"2026-02-30T00:00:00Z"}}', "$.a.$before"),
    (b'{"$or":[{"a":{"$not":{"$on_or_before":""}}}]}', "$.$or[0].a.$not.$on_or_before"),
    (b'{"$and":{}}', "$.$and"),
    (b'{"$or":null}', "$.$or"),
    (b'{"$or":[1]}', "$.$or[0]"),
    (b'{"$or":[{},[]]}', "$.$or[1]"),
    (b'{"$nor":[{"$gt":1}]}', "$.$nor[0].$gt"),
    (b'{"$not":[]}', "$.$not"),
    (b'{"$not":1}', "$.$not"),
    (b'{"$or":[{"a":1},{"year":{"$gte":1e999}}]}', "$.$or[1].year.$gte"),
    (b'{"a":{"$in":[1,[{"x":1e999}]]}}', "$.a.$in[1][0].x"),
    (b'{"with space":{"$exists":0}}', '$["with space"].$exists'),
]


@pytest.mark.parametrize(("raw", "place"), MALFORMED, ids=lambda each: str(each)[:50])
def test_a_malformed_filter_is_refused_with_its_place(raw: bytes, place: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_filter(raw)
    assert caught.value.code == "bad_filter"
    assert caught.value.details["at"] == place
    assert place in caught.value.message


def nested(levels: int, open: str, close: str, inner: str) -> bytes:
    return (open * levels + inner + close * levels).encode()


def test_levels_up_to_the_limit_are_accepted_and_one_more_is_not() -> None:
    for open, close in [('{"$and":[', "]}"), ('{"$not":', "}")]:
        parse_filter(nested(FILTER_DEPTH_MAX - 1, open, close, '{"a":1}'))
        with pytest.raises(InvalidRequest, match="nested deeper"):
            parse_filter(nested(FILTER_DEPTH_MAX, open, close, '{"a":1}'))
    parse_filter(b'{"a":' + nested(FILTER_DEPTH_MAX - 1, "[", "]", "1") + b"}")
    with pytest.raises(InvalidRequest, match="nested deeper"):
        parse_filter(b'{"a":' + nested(FILTER_DEPTH_MAX, "[", "]", "1") + b"}")
    with pytest.raises(InvalidRequest, match="nested deeper"):
        parse_filter(b'{"a":' + nested(FILTER_DEPTH_MAX, '{"$not":', "}", "1") + b"}")


@pytest.mark.parametrize(("open", "close"), [("[", "]"), ('{"a":', "}"), ('{"$not":', "}"), ("[", "")])
def test_bottomless_nesting_is_refused(open: str, close: str) -> None:
    levels = 8_192 // (len(open) + len(close)) - 1
    with pytest.raises(InvalidRequest, match="nested"):
        parse_filter(nested(levels, open, close, "1"))


def test_the_byte_limit_is_exact() -> None:
    filling = "x" * (FILTER_BYTES_MAX - len('{"a":""}'))
    parse_filter(f'{{"a":"{filling}"}}'.encode())
    parse_filter({"a": filling})
    for longer in (f'{{"a":"{filling}x"}}'.encode(), {"a": filling + "x"}):
        with pytest.raises(InvalidRequest, match="bytes"):
            parse_filter(longer)


def test_the_number_of_predicates_is_bounded() -> None:
    with pytest.raises(InvalidRequest, match="predicates"):
        parse_filter({"$or": [{}] * FILTER_NODES_MAX})
    parse_filter({"$or": [{}] * (FILTER_NODES_MAX - 1)})


def fails_only_as_it_should(source: object) -> bool:
    """Whether parsing gives a filter, or ``bad_filter`` with a message that an answer can carry."""
    try:
        return isinstance(parse_filter(source), Filter)
    except InvalidRequest as error:
        return error.code == "bad_filter" and bool(error.message.encode())


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]"$:,aeqornt1.\\u d8', max_size=40).map(str.encode))
@example(b'{"a":1e400}')
def test_any_bytes_give_a_filter_or_bad_filter(raw: bytes) -> None:
    assert fails_only_as_it_should(raw)


mutations = st.sampled_from(
    ["$", "{", "}", "[", "]", ",", ":", '"', "1", "\\", "\x00", "null", "true", "e999"]
)


@settings(max_examples=400, deadline=None)
@given(strategies.filters, st.integers(0, 200), st.integers(0, 3), mutations)
def test_a_damaged_filter_gives_a_filter_or_bad_filter(
    filter: dict[str, Any], at: int, cut: int, put: str
) -> None:
    text = json.dumps(filter)
    assert fails_only_as_it_should((text[:at] + put + text[at + cut :]).encode())


def test_python_objects_that_are_not_json_are_refused() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    not_json: list[object] = [None, 1, "{}", [], {"a": {1, 2}}, {"a": b"x"}, {"a": object()}, {(1, 2): 1}]
    out_of_range: list[object] = [{"a": float("nan")}, {"a": float("inf")}, {"a": 10**5000}]
    for source in [*not_json, *out_of_range, endless, {"a": deep}, {"a": "\ud800"}, {"\ud800": 1}]:
        with pytest.raises(InvalidRequest):
            parse_filter(source)
        assert fails_only_as_it_should(source)


def test_bytes_like_sources_and_objects_say_the_same() -> None:
    raw = b'{"a":{"$in":[1,2]},"b":null}'
    same = {parse_filter(raw), parse_filter(bytearray(raw)), parse_filter(memoryview(raw))}
    same |= {parse_filter(msgspec.Raw(raw)), parse_filter({"b": None, "a": {"$in": (1, 2)}})}
    assert len(same) == 1


def test_a_filter_without_conditions_matches_all() -> None:
    for raw in (b"{}", b' { "$and" : [] } '):
        assert parse_filter(raw).matches_all
    assert parse_filter(b"{}") == MATCH_ALL
    assert not parse_filter(b'{"$or":[]}').matches_all
    assert not parse_filter(b'{"a":{"$nin":[]}}').matches_all


def test_values_that_only_look_alike_are_told_apart_however_often_they_are_asked() -> None:
    for _ in range(2):
        assert parse_filter({"a": 1}) != parse_filter({"a": True})
        assert parse_filter({"a": "1"}) != parse_filter({"a": 1})
        for wrong in ({"a": float("nan")}, {"a": b"1"}, {"a": {1, 2}}, {"a": object()}):
            with pytest.raises(InvalidRequest):
                parse_filter(wrong)
