"""The compiled matcher says what the contract's table says, and what an evaluator of its own says."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.filters import payload_matcher
from tests.support import oracle, strategies

BIG = 2**53
TIME = "2026-11-28T00:00:00Z"

# filter, payloads that match, payloads that do not
TABLE: list[tuple[dict[str, Any], list[str], list[str]]] = [
    (
        {"a": 1},
        ['{"a":1}', '{"a":1.0}', '{"a":1e0}'],
        ['{"a":"1"}', '{"a":true}', '{"a":[1,2,3]}', '{"a":[1]}', "{}", '{"a":null}', '{"b":1}'],
    ),
    ({"a": 1.0}, ['{"a":1}', '{"a":1.0}'], ['{"a":"1"}', '{"a":true}', '{"a":[1,2,3]}', "{}"]),
    ({"a": {"$eq": 1}}, ['{"a":1}', '{"a":1.0}'], ['{"a":"1"}', '{"a":true}', '{"a":[1,2,3]}', "{}"]),
    ({"a": True}, ['{"a":true}'], ['{"a":1}', '{"a":1.0}', '{"a":"true"}', '{"a":false}', "{}"]),
    ({"a": 0}, ['{"a":0}', '{"a":0.0}', '{"a":-0.0}'], ['{"a":false}', '{"a":null}', '{"a":""}', "{}"]),
    ({"a": False}, ['{"a":false}'], ['{"a":0}', '{"a":null}', "{}"]),
    ({"a": None}, ['{"a":null}'], ["{}", '{"a":0}', '{"a":false}', '{"a":""}', '{"a":[]}', '{"a":{}}']),
    ({"a": "x"}, ['{"a":"x"}', '{"a":"\\u0078"}'], ['{"a":"X"}', '{"a":["x"]}', "{}"]),
    (
        {"a": {"$ne": 1}},
        ["{}", '{"a":null}', '{"a":"1"}', '{"a":true}', '{"a":2}', '{"a":[1]}'],
        ['{"a":1}', '{"a":1.0}'],
    ),
    ({"a": {"$ne": None}}, ["{}", '{"a":0}'], ['{"a":null}']),
    (
        {"a": {"$nin": [1, "x"]}},
        ["{}", '{"a":null}', '{"a":true}', '{"a":[1]}'],
        ['{"a":1}', '{"a":1.0}', '{"a":"x"}'],
    ),
    ({"a": {"$in": []}}, [], ["{}", '{"a":null}', '{"a":[]}', '{"a":1}']),
    ({"a": {"$nin": []}}, ["{}", '{"a":null}', '{"a":[]}', '{"a":1}'], []),
    ({"a": {"$in": [2]}}, ['{"a":2}', '{"a":2.0}'], ['{"a":[1,2,3]}', '{"a":"2"}', "{}"]),
    ({"a": {"$in": [None]}}, ['{"a":null}'], ["{}", '{"a":0}']),
    ({"a": {"$in": [True, "x"]}}, ['{"a":true}', '{"a":"x"}'], ['{"a":1}', '{"a":false}', "{}"]),
    ({"a": {"$in": [1]}}, ['{"a":1}'], ['{"a":true}']),
    ({"a": {"$in": [[1, 2], {"b": 1}]}}, ['{"a":[1,2]}', '{"a":{"b":1.0}}'], ['{"a":1}', '{"a":[1]}']),
    ({"a": {"$gt": 1}}, ['{"a":1.5}', '{"a":2}'], ['{"a":1}', '{"a":"2"}', '{"a":true}', '{"a":[2]}', "{}"]),
    ({"a": {"$gte": 0}}, ['{"a":0}', '{"a":1e300}'], ['{"a":-1}', '{"a":true}', '{"a":false}', '{"a":null}']),
    ({"a": {"$lt": "b"}}, ['{"a":"a"}', '{"a":""}'], ['{"a":"b"}', '{"a":1}', '{"a":null}', "{}"]),
    (
        {"a": {"$lte": "2026-06-01"}},
        ['{"a":"2026-06-01"}', '{"a":"2025-12-31"}'],
        ['{"a":"2026-06-01T00:00"}', '{"a":2026}'],
    ),
    ({"a": {"$gt": "\uffee"}}, ['{"a":"\U0001f600"}'], ['{"a":"\uffee"}']),
    ({"a": {"$gt": True}}, [], ['{"a":true}', '{"a":2}', '{"a":"z"}']),
    ({"a": {"$gte": None}}, [], ['{"a":null}', '{"a":0}', "{}"]),
    ({"a": {"$lte": [1]}}, [], ['{"a":[1]}', '{"a":[0]}']),
    ({"a": {"$exists": True}}, ['{"a":null}', '{"a":[]}', '{"a":{}}', '{"a":false}'], ["{}", '{"b":1}']),
    ({"a": {"$exists": False}}, ["{}", '{"b":1}'], ['{"a":null}', '{"a":[]}', '{"a":{}}']),
    (
        {"a": {"$contains_any": [1, "x"]}},
        ['{"a":[1]}', '{"a":[1.0,5]}', '{"a":["y","x"]}'],
        [
            '{"a":[]}',
            '{"a":1}',
            '{"a":"x"}',
            '{"a":"ax"}',
            '{"a":[true]}',
            '{"a":[[1]]}',
            '{"a":{"x":1}}',
            "{}",
        ],
    ),
    ({"a": {"$contains_any": []}}, [], ['{"a":[]}', '{"a":[1]}', "{}"]),
    ({"a": {"$contains_any": [None]}}, ['{"a":[null]}'], ['{"a":null}', '{"a":[]}', "{}"]),
    (
        {"a": {"$contains_all": [1, "x"]}},
        ['{"a":["x",1.0,2]}'],
        ['{"a":[1]}', '{"a":["x"]}', '{"a":["x",true]}', '{"a":"x1"}', "{}"],
    ),
    ({"a": {"$contains_all": [True, None, [1]]}}, ['{"a":[[1.0],null,true]}'], ['{"a":[[1],null,1]}']),
    ({"a": {"$contains_all": []}}, ['{"a":[]}', '{"a":[1]}'], ['{"a":""}', '{"a":{}}', '{"a":null}', "{}"]),
    (
        {"a": {"$prefix": "é1"}},
        ['{"a":"é1"}', '{"a":"\\u00e91x"}'],
        ['{"a":"E\u03011"}', '{"a":"é"}', '{"a":["é1"]}', '{"a":"xé1"}', '{"a":null}', "{}"],
    ),
    ({"a": {"$prefix": ""}}, ['{"a":""}', '{"a":"x"}'], ['{"a":1}', '{"a":[]}', '{"a":null}', "{}"]),
    (
        {"a": {"$ieq": "STRASSE"}},
        ['{"a":"straße"}', '{"a":"Strasse"}', '{"a":"STRASSE"}'],
        ['{"a":"strase"}', '{"a":["strasse"]}', '{"a":1}', "{}"],
    ),
    (
        {"a": {"$size": 2}},
        ['{"a":[1,1]}', '{"a":[[],{}]}'],
        ['{"a":[]}', '{"a":"ab"}', '{"a":{"b":1,"c":2}}', '{"a":2}', "{}"],
    ),
    ({"a": {"$size": {"$gte": 1, "$lt": 3}}}, ['{"a":[1]}', '{"a":[1,2]}'], ['{"a":[]}', '{"a":[1,2,3]}']),
    ({"a": {"$size": {"$eq": 0}}}, ['{"a":[]}'], ['{"a":[0]}', '{"a":""}', '{"a":null}', "{}"]),
    (
        {"a": {"$after": "2026-01-01T00:00:00Z"}},
        ['{"a":"2026-01-01T00:00:00.001Z"}', '{"a":"2025-12-31T23:00:01-01:00"}'],
        [
            '{"a":"2026-01-01T00:00:00Z"}',
            '{"a":"2026-01-01T00:30:00+01:00"}',
            '{"a":"2027"}',
            '{"a":"tomorrow"}',
            '{"a":1767225601}',
            '{"a":["2027-01-01T00:00:00Z"]}',
            "{}",
        ],
    ),
    (
        {"a": {"$on_or_after": "2026-01-01T01:00:00+01:00", "$before": "2026-02-01T00:00:00Z"}},
        ['{"a":"2026-01-01T00:00:00Z"}', '{"a":"2026-01-31T23:59:59.9z"}', '{"a":"2026-01-15"}'],
        [
            '{"a":"2026-02-01T00:00:00Z"}',
            '{"a":"2025-12-31T23:59:59Z"}',
            '{"a":"2026-02-01"}',
            '{"a":"2026-01"}',
        ],
    ),
    (
        {"a": {"$at": "2026-01-01"}},
        [
            '{"a":"2026-01-01"}',
            '{"a":"2026-01-01T00:00:00"}',
            '{"a":"2025-12-31t23:00:00.000-01:00"}',
        ],
        [
            '{"a":"2026-01-01T00:00:00.000000001"}',
            '{"a":"2025-12-31"}',
            '{"a":["2026-01-01"]}',
            '{"a":"2026-01-01 00:00:00"}',
            "{}",
        ],
    ),
    (
        {"a": {"$not": {"$on_or_before": "2026-01-01T00:00:00Z"}}},
        ['{"a":"2026-01-01T00:00:01Z"}', '{"a":"never"}', "{}"],
        ['{"a":"2026-01-01T00:00:00Z"}', '{"a":"2026-01-01T00:59:00+01:00"}'],
    ),
    (
        {"a": {"b": 1}},
        ['{"a":{"b":1}}', '{"a":{"b":1.0}}'],
        ['{"a":{"b":true}}', '{"a":{"b":1,"c":2}}', '{"a":{}}', '{"a":[{"b":1}]}', "{}"],
    ),
    ({"a": {"b": [0, {"c": True}]}}, ['{"a":{"b":[0.0,{"c":true}]}}'], ['{"a":{"b":[false,{"c":true}]}}']),
    ({"a": {"b": None}}, ['{"a":{"b":null}}'], ['{"a":{"c":null}}', '{"a":{}}']),
    ({"a": []}, ['{"a":[]}'], ['{"a":[1]}', '{"a":{}}', '{"a":null}', "{}"]),
    ({"a": {}}, ['{"a":{}}'], ['{"a":[]}', '{"a":{"b":1}}', "{}"]),
    ({"a": {"$eq": {"$gt": 1}}}, ['{"a":{"$gt":1}}'], ['{"a":2}']),
    (
        {"a.b": 1},
        ['{"a":{"b":1}}', '{"a":{"b":1.0,"c":2}}'],
        ['{"a":[{"b":1}]}', '{"a.b":1}', '{"a":{"b":[1]}}', '{"a":1}', '{"a":null}', "{}"],
    ),
    ({"a.b.c": {"$exists": True}}, ['{"a":{"b":{"c":null}}}'], ['{"a":{"b":[{"c":1}]}}', '{"a":{"b":{}}}']),
    ({"a.0": 1}, ['{"a":{"0":1}}'], ['{"a":[1]}']),
    ({"a.b": {"$ne": 1}}, ["{}", '{"a":[{"b":1}]}', '{"a":7}'], ['{"a":{"b":1}}']),
    ({"a": {"$gte": 0, "$lt": 5}}, ['{"a":0}', '{"a":4.9}'], ['{"a":5}', '{"a":-1}', '{"a":"3"}', "{}"]),
    ({"$or": [{"a": 1}, {"a": 2}], "b": 2}, ['{"a":1,"b":2}', '{"a":2,"b":2}'], ['{"a":1}', '{"b":2}']),
    ({"$and": []}, ["{}", '{"a":1}'], []),
    ({"$or": []}, [], ["{}", '{"a":1}']),
    ({"$nor": []}, ["{}", '{"a":1}'], []),
    ({}, ["{}", '{"a":1}'], []),
    ({"a": 1, "b": 2}, ['{"a":1,"b":2}'], ['{"a":1}', '{"b":2}']),
    ({"$nor": [{"a": 1}, {"b": 2}]}, ["{}", '{"a":2,"b":1}'], ['{"a":1}', '{"b":2}']),
    ({"$not": {"a": 1}}, ["{}", '{"a":true}'], ['{"a":1}']),
    ({"$not": {}}, [], ["{}", '{"a":1}']),
    ({"a": {"$not": {"$gte": 5}}}, ["{}", '{"a":4}', '{"a":"9"}', '{"a":null}'], ['{"a":5}', '{"a":6}']),
    ({"a": {"$not": {"$not": 5}}}, ['{"a":5}'], ["{}", '{"a":4}']),
    ({"a": {"$not": {"$gte": 5}, "$exists": True}}, ['{"a":4}'], ["{}", '{"a":5}']),
    ({"a": BIG + 1}, [f'{{"a":{BIG + 1}}}'], [f'{{"a":{BIG}}}', f'{{"a":{BIG}.0}}', f'{{"a":{BIG + 2}.0}}']),
    ({"a": float(BIG)}, [f'{{"a":{BIG}}}', f'{{"a":{BIG}.0}}'], [f'{{"a":{BIG + 1}}}']),
    ({"a": {"$gt": float(BIG)}}, [f'{{"a":{BIG + 1}}}'], [f'{{"a":{BIG}}}']),
    (
        {"a": {"$in": [2**64 - 1]}},
        [f'{{"a":{2**64 - 1}}}'],
        [f'{{"a":{2**64 - 2}}}', '{"a":1.8446744073709552e19}'],
    ),
    ({"a": {"$lt": -(2**63) + 1}}, [f'{{"a":{-(2**63)}}}'], [f'{{"a":{-(2**63) + 1}}}']),
    ({"a": {"$contains_any": [BIG + 1]}}, [f'{{"a":[{BIG + 1}]}}'], [f'{{"a":[{BIG},{BIG}.0]}}']),
]


@pytest.mark.parametrize(("filter", "matching", "others"), TABLE, ids=lambda each: str(each)[:60])
def test_every_row_of_the_contracts_table(
    filter: dict[str, Any], matching: list[str], others: list[str]
) -> None:
    forms = [parse_filter(filter), parse_filter(msgspec.json.encode(filter))]
    for text, expected in [*((each, True) for each in matching), *((each, False) for each in others)]:
        document = msgspec.json.decode(text)
        assert [form.matches(document) for form in forms] == [expected, expected], text
        assert oracle.matches(filter, document) is expected, f"the oracle on {text}"


@settings(max_examples=600, deadline=None)
@given(filter=strategies.filters, payload=strategies.payloads, seed=st.integers(0, 2**32))
def test_the_matcher_agrees_with_the_oracle(
    filter: dict[str, Any], payload: dict[str, Any], seed: int
) -> None:
    parsed = parse_filter(msgspec.json.encode(filter))
    random = Random(seed)
    for each in [payload, *(strategies.random_payload(random) for _ in range(20))]:
        document = msgspec.json.decode(msgspec.json.encode(each))
        assert parsed.matches(document) is oracle.matches(filter, document), document


@settings(max_examples=300, deadline=None)
@given(filter=strategies.filters, payload=strategies.payloads)
def test_the_fields_that_a_filter_names_suffice(filter: dict[str, Any], payload: dict[str, Any]) -> None:
    parsed = parse_filter(filter)
    narrowed = {name: value for name, value in payload.items() if name in parsed.roots}
    assert parsed.matches(narrowed) is parsed.matches(payload)


@settings(max_examples=300, deadline=None)
@given(filter=strategies.filters, payload=strategies.payloads)
def test_not_is_the_complement(filter: dict[str, Any], payload: dict[str, Any]) -> None:
    assert parse_filter({"$not": filter}).matches(payload) is not parse_filter(filter).matches(payload)


@pytest.mark.parametrize(
    ("filter", "payload", "worked_out"),
    [
        ({"$or": [{"a": {"$contains_any": [-n]}} for n in range(150)]}, {"a": [1, 2]}, "elements_of"),
        ({"$or": [{"a": {"$contains_all": [[-n]]}} for n in range(150)]}, {"a": [[1], 2]}, "elements_of"),
        ({"$nor": [{"a.b": {"$contains_any": ["x"]}}] * 9}, {"a": {"b": ["y"]}}, "elements_of"),
        (
            {"$or": [{"a": {"$after": f"20{n}-01-01T00:00:00Z"}} for n in range(50, 99)]},
            {"a": TIME},
            "instant",
        ),
    ],
)
def test_what_all_of_a_value_is_read_for_is_worked_out_once_a_payload(
    monkeypatch: pytest.MonkeyPatch, filter: dict[str, Any], payload: dict[str, Any], worked_out: str
) -> None:
    matches, real, calls = parse_filter(filter).matches, getattr(payload_matcher, worked_out), list[object]()

    def counted(value: object) -> object:
        calls.append(value)
        return real(value)

    monkeypatch.setattr(payload_matcher, worked_out, counted)
    assert matches(payload) is oracle.matches(filter, payload)
    assert len(calls) == 1
    matches(payload)
    assert len(calls) == 2, "of each payload anew: nothing of it is kept"
