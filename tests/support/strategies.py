"""Filters and payloads for property tests. Names and values are few, so that filters often match."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.support import oracle

NAMES = ["a", "b", "c"]
PATHS = [*NAMES, "a.b", "a.b.c", "b.a", "c.c"]

_numbers = [0, 1, 2, -1, 0.0, -0.0, 1.0, 1.5, 1e300, 5e-324]
_large = [2**53, 2**53 + 1, float(2**53), 2**64 - 1, -(2**63)]
_texts = ["", "a", "b", "ab", "1", "true", "é", "\U0001f600", "\uffee", "2026-01-01"]
_times = ["2026-01-01T00:00:00Z", "2026-01-01t01:30:00.000+01:30", "2025-12-31T23:59:59.9999999999Z"]
_times += ["2025-12-31T19:00:00.50-05:00", "2026-02-29T00:00:00Z", "2026-01-01T00:00:00"]
_times += ["2026-01-01t00:00:00.0", "2025-12-31T23:59:59.9999999999", "2025-12-31", "2026-01-01T00:00:00.5"]
_instants = [each for each in [*_times, "2026-01-01"] if oracle.moment(each) is not None]
_cases = ["A", "AB", "É", "e\u0301", "Straße", "STRASSE", "\u0130"]
SCALARS: list[Any] = [None, True, False, *_numbers, *_large, *_texts, *_times, *_cases]
scalars = st.sampled_from(SCALARS)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)
payloads: st.SearchStrategy[dict[str, Any]] = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)

_patterns = ["", "a", "^a", "b|e", "[0-9]+", "^[^a]", "(?i)S", "a{2,}", "..", r"\d\d-"]
_looked_for = ["", "a", "strasse", "É", "b a", "01 01", "2026-01", "01-2026", "true!", "a b é"]
_operands = st.lists(values, max_size=3)
_sizes = st.dictionaries(
    st.sampled_from(["$eq", "$gt", "$gte", "$lt", "$lte"]), st.integers(0, 4), min_size=1, max_size=2
)
_operators = st.one_of(
    *(st.tuples(st.just(name), values) for name in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")),
    *(st.tuples(st.just(name), _operands) for name in ("$in", "$nin", "$contains_any", "$contains_all")),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.sampled_from(["$prefix", "$ieq"]), st.sampled_from([*_texts, *_times, *_cases])),
    st.tuples(st.just("$icontains"), st.sampled_from([*_texts, *_cases])),
    st.tuples(st.sampled_from(["$contains_text", "$phrase"]), st.sampled_from(_looked_for)),
    st.tuples(st.just("$regex"), st.sampled_from(_patterns)),
    st.tuples(st.sampled_from([*oracle.TIMES]), st.sampled_from(_instants)),
    st.tuples(st.just("$size"), st.integers(0, 4) | _sizes),
)
_operator_objects = st.lists(_operators, min_size=1, max_size=2).map(dict)
conditions: st.SearchStrategy[Any] = st.one_of(
    values, _operator_objects, st.builds(lambda inner: {"$not": inner}, values | _operator_objects)
)
_fields = st.dictionaries(st.sampled_from(PATHS), conditions, max_size=2)
filters: st.SearchStrategy[dict[str, Any]] = st.recursive(
    _fields,
    lambda inner: st.one_of(
        st.builds(
            lambda name, parts, beside: {name: parts, **beside},
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, max_size=3),
            _fields,
        ),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=4,
)


def random_value(random: Random, depth: int) -> Any:
    """A random JSON value, made without hypothesis: thousands of them take no time."""
    choice = random.random()
    if depth == 0 or choice < 0.5:
        return random.choice(SCALARS)
    if choice < 0.75:
        return [random_value(random, depth - 1) for _ in range(random.randrange(4))]
    return random_payload(random, depth - 1)


def random_payload(random: Random, depth: int = 3) -> dict[str, Any]:
    """A payload with the names that the filters speak of."""
    return {name: random_value(random, depth) for name in NAMES if random.random() < 0.7}


def random_filter(random: Random, depth: int = 2) -> dict[str, Any]:
    """A random filter over the same names, made without hypothesis."""
    choice = random.random()
    if depth and choice < 0.35:
        parts = [random_filter(random, depth - 1) for _ in range(random.randrange(3))]
        return {random.choice(["$and", "$or", "$nor"]): parts}
    if depth and choice < 0.45:
        return {"$not": random_filter(random, depth - 1)}
    return {random.choice(PATHS): _random_condition(random) for _ in range(random.choice([1, 1, 2]))}


def _random_condition(random: Random) -> Any:
    name = random.choice(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$contains_any"])
    name = random.choice(
        [
            name,
            name,
            "",
            "$contains_all",
            "$exists",
            "$prefix",
            "$ieq",
            "$size",
            "time",
            "$icontains",
            "$regex",
        ]
    )
    match name:
        case "":
            return random_value(random, 1)
        case "$in" | "$nin" | "$contains_any" | "$contains_all":
            return {name: [random_value(random, 1) for _ in range(random.randrange(3))]}
        case "$exists":
            return {name: random.random() < 0.5}
        case "$prefix" | "$ieq":
            return {name: random.choice([*_texts, *_times, *_cases])}
        case "$phrase" | "$contains_text":
            return {name: random.choice(_looked_for)}
        case "$icontains":
            return {name: random.choice([*_texts, *_cases])}
        case "$regex":
            return {name: random.choice(_patterns)}
        case "$size":
            return {name: random.choice([random.randrange(4), {"$gte": random.randrange(3)}])}
        case "time":
            return {random.choice([*oracle.TIMES]): random.choice(_instants)}
        case _:
            return {name: random_value(random, 1)}
