"""Filters as expressions: what they become, what they refuse, and that they mean what the JSON means."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.client import Condition, F, InvalidRequest
from asteroid_cloud.query import parse_filter
from tests.support import oracle, strategies
from tests.support.faulty_server import FaultyServer

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
A, B, C = F("a") == 1, F("b") == 2, F("c") == 3
EXPECTED: list[tuple[Condition, dict[str, Any]]] = [
    (F("a") == "x", {"a": {"$eq": "x"}}),
    (F("a.b") != None, {"a.b": {"$ne": None}}),  # noqa: E711
    (F("year") >= 2026, {"year": {"$gte": 2026}}),
    (2026 < F("year"), {"year": {"$gt": 2026}}),  # noqa: SIM300
    (F("a") < 1.5, {"a": {"$lt": 1.5}}),
    (F("a") <= "m", {"a": {"$lte": "m"}}),
    (F("a") == np.float32(0.5), {"a": {"$eq": 0.5}}),
    (F("a") == {"b": [1, (2,)]}, {"a": {"$eq": {"b": [1, [2]]}}}),
    (F("a").in_([1, "x"]), {"a": {"$in": [1, "x"]}}),
    (F("a").in_(np.arange(2)), {"a": {"$in": [0, 1]}}),
    (F("a").in_(n for n in range(2)), {"a": {"$in": [0, 1]}}),
    (F("a").not_in([]), {"a": {"$nin": []}}),
    (F("a").contains_any("dog", "cat"), {"a": {"$contains_any": ["dog", "cat"]}}),
    (F("a").contains_all(), {"a": {"$contains_all": []}}),
    (F("a").exists(), {"a": {"$exists": True}}),
    (F("a").exists(False), {"a": {"$exists": False}}),
    (F("a").prefix("x"), {"a": {"$prefix": "x"}}),
    (F("a").ieq("X"), {"a": {"$ieq": "X"}}),
    (F("a").contains_text("x y"), {"a": {"$contains_text": "x y"}}),
    (F("a").phrase("x y"), {"a": {"$phrase": "x y"}}),
    (F("a").icontains("X"), {"a": {"$icontains": "X"}}),
    (F("a").regex("^x"), {"a": {"$regex": "^x"}}),
    (F("a").size(2), {"a": {"$size": 2}}),
    (F("a").size(gte=1, lt=5), {"a": {"$size": {"$gte": 1, "$lt": 5}}}),
    (F("a").at("2026-01-01"), {"a": {"$at": "2026-01-01"}}),
    (F("a").before(date(2026, 1, 31)), {"a": {"$before": "2026-01-31"}}),
    (F("a").after("2026-01-01T00:00:00Z"), {"a": {"$after": "2026-01-01T00:00:00Z"}}),
    (F("a").on_or_after(NOON), {"a": {"$on_or_after": "2026-01-01T12:00:00+02:00"}}),
    (F("a").before(NOON.astimezone(UTC)), {"a": {"$before": "2026-01-01T10:00:00+00:00"}}),
    (F("a").on_or_before(NOON), {"a": {"$on_or_before": "2026-01-01T12:00:00+02:00"}}),
    (F(r"a\.b") == 1, {r"a\.b": {"$eq": 1}}),
    (F.of_keys("a.b", "c") == 1, {r"a\.b.c": {"$eq": 1}}),
    (F.of_keys("$a\\", "$b") == 1, {r"\$a\\.$b": {"$eq": 1}}),
    (A & B & C, {"$and": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}, {"c": {"$eq": 3}}]}),
    (A | B | C, {"$or": [{"a": {"$eq": 1}}, {"b": {"$eq": 2}}, {"c": {"$eq": 3}}]}),
    (A | (B & C), {"$or": [{"a": {"$eq": 1}}, {"$and": [{"b": {"$eq": 2}}, {"c": {"$eq": 3}}]}]}),
    (~A & {"b": 2}, {"$and": [{"$not": {"a": {"$eq": 1}}}, {"b": 2}]}),
    ({"b": 2} | A, {"$or": [{"b": 2}, {"a": {"$eq": 1}}]}),
    ((A | B) & (A | C), {"$and": [dict(A | B), dict(A | C)]}),
]


@pytest.mark.parametrize(("condition", "expected"), EXPECTED, ids=str)
def test_an_expression_is_its_json(condition: Condition, expected: dict[str, Any]) -> None:
    assert condition == expected
    assert json.loads(str(condition)) == json.loads(repr(condition)) == expected
    assert parse_filter(condition) == parse_filter(expected)
    assert parse_filter({"$not": condition}) == parse_filter({"$not": expected})


MISTAKES: list[tuple[Callable[[], object], str]] = [
    (lambda: A and B, "join conditions with & and |"),
    (lambda: A or B, "join conditions with & and |"),
    (lambda: not A, "use ~"),
    (lambda: 1 < F("a") < 5, r"\(x > a\) & \(x < b\)"),
    (lambda: F("a") == 1 & F("b"), "in parentheses"),
    (lambda: F("a") | A, "in parentheses"),
    (lambda: ~F("a"), "compare it"),
    (lambda: bool(F("a")), "compare it"),
    (lambda: A & F("b"), "joined with conditions"),
    (lambda: A & True, "parentheses are missing"),
    (lambda: 1 | A, "parentheses are missing"),
    (lambda: hash(F("a")), "unhashable"),
    (lambda: hash(A), "unhashable"),
]


@pytest.mark.parametrize(("mistake", "told"), MISTAKES, ids=[told for _, told in MISTAKES])
def test_a_mistake_of_precedence_is_an_error_that_explains(mistake: Callable[[], object], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        mistake()


REFUSED: list[Callable[[], object]] = [
    lambda: F("$a"),
    lambda: F.of_keys(),
    lambda: F.of_keys("a", 1),  # type: ignore[arg-type]
    lambda: F(1),  # type: ignore[arg-type]
    lambda: F("a") == F("b"),  # type: ignore[operator]
    lambda: F("a").in_("abc"),
    lambda: F("a").in_(3),  # type: ignore[arg-type]
    lambda: F("a").size(),
    lambda: F("a").after(datetime(2026, 1, 1)),
    lambda: F("a").at(datetime(2026, 1, 1)),
]


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_no_filter_can_hold_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        wrong()
    assert caught.value.code == "bad_filter"


@pytest.mark.anyio
async def test_a_condition_goes_wherever_a_filter_goes(client: Any, server: FaultyServer) -> None:
    await client.create_index(1)
    condition = (F("year") >= 2026) & ~F("kind").in_(["a"])
    sent = {"$and": [{"year": {"$gte": 2026}}, {"$not": {"kind": {"$in": ["a"]}}}]}
    await client.search([1.0], filter=condition)
    await client.count(condition)
    await client.delete_many(filter=condition)
    _ = [row async for row in client.scroll(condition)]
    assert [seen.body["filter"] for seen in server.seen[1:]] == [sent] * 4


CONDITIONS = st.recursive(
    st.builds(
        lambda name, order, value: getattr(F(name), f"__{order}__")(value),
        st.sampled_from(strategies.PATHS),
        st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
        strategies.scalars,
    ),
    lambda inner: st.one_of(
        st.builds(lambda one, other: one & other, inner, inner),
        st.builds(lambda one, other: one | other, inner, inner),
        st.builds(lambda one: ~one, inner),
    ),
    max_leaves=5,
)


@given(CONDITIONS, CONDITIONS, strategies.payloads)
def test_and_or_and_not_are_those_of_logic(one: Condition, other: Condition, payload: dict[str, Any]) -> None:
    first, second = oracle.matches(dict(one), payload), oracle.matches(dict(other), payload)
    assert parse_filter(one & other).matches(payload) == (first and second)
    assert parse_filter(one | other).matches(payload) == (first or second)
    assert parse_filter(~one).matches(payload) == (not first)
