"""Predicates that look through whole texts: what they mean, what is refused, and what they may take."""

from __future__ import annotations

import time
from typing import Any

import pytest

from asteroid_cloud.query import parse_filter
from asteroid_cloud.query.filters.patterns import PATTERNS_KEPT, compiled
from asteroid_cloud.query.limits import FILTER_SCANS_MAX, REGEX_BYTES_MAX
from asteroid_cloud.wal.errors import InvalidRequest


@pytest.mark.parametrize(
    ("test", "value", "matches"),
    [
        ({"$icontains": "STRASSE"}, "an der Straße 7", True),
        ({"$icontains": "ß"}, "STRASSE", True),
        ({"$icontains": "é"}, "CAFÉ", True),
        ({"$icontains": "é"}, "CAFE\u0301", False),
        ({"$icontains": "🚀"}, "to 🚀 and back", True),
        ({"$icontains": ""}, "", True),
        ({"$icontains": "a"}, ["x", 1, None, "bAr"], True),
        ({"$icontains": "a"}, [["a"]], False),
        ({"$icontains": ""}, [], False),
        ({"$icontains": "1"}, 1, False),
        ({"$icontains": "a"}, {"a": "a"}, False),
        ({"$icontains": "a"}, None, False),
        ({"$regex": "^v[0-9]+$"}, "v12", True),
        ({"$regex": "^v[0-9]+$"}, "v12\n", False),
        ({"$regex": "b"}, "abc", True),
        ({"$regex": "^b"}, "abc", False),
        ({"$regex": "(?i)ÄB"}, "xäbx", True),
        ({"$regex": "^.$"}, "🚀", True),
        ({"$regex": "\\p{Han}"}, "漢字", True),
        ({"$regex": "a\\x00b"}, "a\0b", True),
        ({"$regex": "^b$"}, ["a", "b"], True),
        ({"$regex": ""}, ["a"], True),
        ({"$regex": ""}, 5, False),
        ({"$contains_text": "York, NEW!"}, "from new york to old", True),
        ({"$contains_text": "new york"}, "a new yorker", False),
        ({"$contains_text": "new york"}, ["york", 1, "new"], True),
        ({"$contains_text": "new york"}, [["new york"]], False),
        ({"$contains_text": ""}, "a", False),
        ({"$contains_text": "?!"}, ["?!"], False),
        ({"$contains_text": "漢字"}, "この漢字は", True),
        ({"$contains_text": "cafe\u0301"}, "CAFÉ", True),
        ({"$contains_text": "1"}, 1, False),
        ({"$phrase": "new york"}, "from New-York to old", True),
        ({"$phrase": "york new"}, "from new york to old", False),
        ({"$phrase": "new york"}, ["new", "york"], False),
        ({"$phrase": "new york"}, ["new", "new york"], True),
        ({"$phrase": "ew york"}, "new york", False),
        ({"$phrase": "..."}, "...", False),
        ({"$phrase": "漢字は"}, "この漢字は", True),
    ],
)
def test_what_matches(test: dict[str, Any], value: Any, matches: bool) -> None:
    assert parse_filter({"a": test}).matches({"a": value}) is matches
    assert parse_filter({"a": {"$not": test}}).matches({"a": value}) is not matches
    assert parse_filter({"a": test}).matches({}) is False


@pytest.mark.parametrize(
    "test",
    [
        {"$icontains": 1},
        {"$icontains": None},
        {"$icontains": ["a"]},
        {"$contains_text": 1},
        {"$contains_text": "a " * 2_000},
        {"$phrase": ["a"]},
        {"$regex": 1},
        {"$regex": "("},
        {"$regex": "(?=a)"},
        {"$regex": "(a)\\1"},
        {"$regex": "a{1001}"},
        {"$regex": "((\\pL{100}){100})"},
        {"$regex": "a" * (REGEX_BYTES_MAX + 1)},
        {"$regex": "é" * (REGEX_BYTES_MAX // 2 + 1)},
    ],
)
def test_what_is_refused(test: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_filter({"a": test})
    assert caught.value.code == "bad_filter"
    assert caught.value.details["at"].startswith("$.a.$")


def test_a_filter_has_few_of_them() -> None:
    most = [{"a": {"$icontains": str(n)}} for n in range(FILTER_SCANS_MAX)]
    parse_filter({"$or": most})
    with pytest.raises(InvalidRequest, match=str(FILTER_SCANS_MAX)):
        parse_filter({"$or": [*most, {"a": {"$regex": "a"}}]})
    parse_filter({"a": {"$regex": "a" * REGEX_BYTES_MAX}})


def test_equal_expressions_are_one_filter_and_others_are_not() -> None:
    assert parse_filter({"a": {"$icontains": "A"}}) == parse_filter({"a": {"$icontains": "a"}})
    different = [{"$icontains": "a"}, {"$regex": "a"}, {"$regex": "A"}, {"$ieq": "a"}, {"$prefix": "a"}]
    assert len({parse_filter({"a": test}) for test in different}) == len(different)


def test_few_expressions_are_held_compiled() -> None:
    filters = [parse_filter({"a": {"$regex": f"^{n}$"}}) for n in range(4 * PATTERNS_KEPT)]
    assert all(filter.matches({"a": str(n)}) for n, filter in enumerate(filters))
    assert compiled.cache_info().currsize == PATTERNS_KEPT


def test_what_is_hard_for_others_costs_what_is_said() -> None:
    filter = parse_filter({"a": {"$regex": "(a*)*(a|aa)+b$"}})
    began = time.thread_time()
    assert filter.matches({"a": "a" * 200_000}) is False
    assert time.thread_time() - began < 20  # backtracking would take ages
    assert filter.cost_of(1, 1000) > parse_filter({"a": "x"}).cost_of(1, 1000)
