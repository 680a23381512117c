"""The canonical key: equal for filters that differ in form alone, different wherever matches differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asteroid_cloud.query import parse_filter
from tests.support import oracle, strategies

ALIKE: list[list[dict[str, Any]]] = [
    [
        {"a": 1},
        {"a": 1.0},
        {"a": {"$eq": 1}},
        {"a": {"$in": [1]}},
        {"$and": [{"a": 1}]},
        {"a": {"$in": [1, 1.0]}},
    ],
    [
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        {"$and": [{"b": 2}, {"a": 1}]},
        {"$and": [{"a": 1, "b": 2}, {"a": 1}]},
    ],
    [{"a": {"$ne": 1}}, {"a": {"$not": 1}}, {"$not": {"a": 1}}, {"$nor": [{"a": 1}]}],
    [{"a": {"$nin": [1, 2]}}, {"a": {"$not": {"$in": [2, 1]}}}],
    [{"a": {"$in": [1, "x"]}}, {"a": {"$in": ["x", 1, 1]}}],
    [{"a": {"$exists": False}}, {"a": {"$not": {"$exists": True}}}],
    [{"$not": {"$not": {"a": 1}}}, {"a": 1}],
    [{"a": {"b": 1, "c": 0.0}}, {"a": {"c": 0, "b": 1.0}}, {"a": {"c": -0.0, "b": 1}}],
    [{"a": float(2**53)}, {"a": 2**53}],
    [{"a": {"$ieq": "STRASSE"}}, {"a": {"$ieq": "straße"}}],
    [{"a": {"$size": 2}}, {"a": {"$size": {"$eq": 2}}}],
    [
        {"a": {"$size": {"$gt": 1, "$lt": 5}}},
        {"a": {"$size": {"$lt": 5}}, "$and": [{"a": {"$size": {"$gt": 1}}}]},
    ],
    [{"a": {"$after": "2026-01-01T00:00:00Z"}}, {"a": {"$after": "2026-01-01T01:00:00.0+01:00"}}],
]
DIFFERENT: list[list[dict[str, Any]]] = [
    [{"a": 1}, {"a": True}, {"a": "1"}, {"a": [1]}, {"a": None}, {"a": {"b": 1}}, {"b": 1}, {}, {"$or": []}],
    [{"a.b": 1}, {"a": {"b": 1}}, {"a": 1, "b": 1}, {"a..b": 1}, {'a","b': 1}],
    [{"a": {name: 1}} for name in ("$gt", "$gte", "$lt", "$lte", "$eq", "$ne")],
    [{"a": {name: ["x"]}} for name in ("$in", "$nin", "$contains_any", "$contains_all", "$eq")],
    [{"a": 2**53}, {"a": 2**53 + 1}, {"a": float(2**53 + 2)}, {"a": 2**64 - 1}, {"a": float(2**64)}],
    [{"a": [1, 2]}, {"a": [2, 1]}, {"a": [[1, 2]]}, {"a": ["1,2"]}, {"a": "[1,2]"}, {"a": []}, {"a": {}}],
    [{"a": "x"}, {"a": "x\x00"}, {"a": "é"}, {"a": "e\u0301"}, {"a": "\\u00e9"}],
    [{"a": {name: "2026-01-01T00:00:00Z"}} for name in ("$eq", "$gt", "$prefix", "$ieq", *oracle.TIMES)],
    [{"a": {"$before": f"2026-01-01T00:00:00{end}"}} for end in ("Z", ".1Z", "+00:01", "-00:01")],
    [{"a": {"$size": n}} for n in (0, 1, {"$gt": 1}, {"$gte": 1}, {"$lt": 1}, {"$lte": 1})],
    [{"a": {"$prefix": "a"}}, {"a": {"$prefix": "A"}}, {"a": {"$ieq": "a"}}, {"a": {"$eq": "a"}}],
    [{"a": {"$contains_any": []}}, {"a": {"$contains_all": []}}, {"a": {"$in": []}}, {"a": {"$nin": []}}],
]


@pytest.mark.parametrize("forms", ALIKE, ids=str)
def test_forms_of_one_filter_share_a_key(forms: list[dict[str, Any]]) -> None:
    assert len({parse_filter(form).key for form in forms}) == 1


@pytest.mark.parametrize("others", DIFFERENT, ids=str)
def test_different_filters_have_different_keys(others: list[dict[str, Any]]) -> None:
    assert len({parse_filter(other).key for other in others}) == len(others)


@settings(max_examples=300, deadline=None)
@given(st.lists(strategies.filters, min_size=2, max_size=6), st.lists(strategies.payloads, max_size=6))
def test_filters_with_one_key_match_alike(
    filters: list[dict[str, Any]], payloads: list[dict[str, Any]]
) -> None:
    seen: dict[bytes, list[bool]] = {}
    for filter in filters:
        answers = [oracle.matches(filter, payload) for payload in payloads]
        assert seen.setdefault(parse_filter(filter).key, answers) == answers


def test_the_tree_is_immutable() -> None:
    tree = parse_filter({"a": [1, {"b": 2}]}).root
    with pytest.raises(AttributeError):
        setattr(tree, "path", ("b",))  # noqa: B010
    hash(tree)
