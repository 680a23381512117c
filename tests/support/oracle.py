"""The contract's truth table for filters, written a second time and as plainly as possible, to compare with.

It shares nothing with the code under test: it reads the filter as plain Python values, evaluates by
recursion and knows no compiled form. Filters must be well formed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

ABSENT = ["absent"]  # told apart by identity
TIMES = {"$at": "$eq", "$after": "$gt", "$on_or_after": "$gte", "$before": "$lt", "$on_or_before": "$lte"}


def matches(query: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether a payload matches."""
    return all(_clause(name, value, document) for name, value in query.items())


def _clause(name: str, value: Any, document: dict[str, Any]) -> bool:
    if name == "$and":
        return all(matches(each, document) for each in value)
    if name == "$or":
        return any(matches(each, document) for each in value)
    if name == "$nor":
        return not any(matches(each, document) for each in value)
    if name == "$not":
        return not matches(value, document)
    return _condition(value, at(document, name))


def at(document: Any, path: str) -> Any:
    """The value at a path, or ABSENT."""
    for step in steps(path) or []:
        if not isinstance(document, dict) or step not in document:
            return ABSENT
        document = document[step]
    return document


def steps(path: str) -> list[str] | None:
    """The keys of a path, letter by letter; None for a text that is none."""
    if path[:1] == "$":
        return None
    keys, rest = [""], list(path)
    is_start = True
    while rest:
        letter = rest.pop(0)
        if letter == ".":
            keys.append("")
        elif letter != "\\":
            keys[-1] += letter
        elif rest and (rest[0] in ".\\" or (rest[0] == "$" and is_start)):
            keys[-1] += rest.pop(0)
        else:
            return None
        is_start = letter == "."
    return keys


def _condition(condition: Any, found: Any) -> bool:
    if isinstance(condition, dict) and any(name.startswith("$") for name in condition):
        return all(_operator(name, operand, found) for name, operand in condition.items())
    return equal(found, condition)


def _operator(name: str, operand: Any, found: Any) -> bool:
    there = found is not ABSENT
    if name == "$not":
        return not _condition(operand, found)
    if name == "$ne":
        return not equal(found, operand)
    if name == "$nin":
        return not any(equal(found, each) for each in operand)
    if not there:
        return name == "$exists" and operand is False
    if name == "$exists":
        return operand is True
    if name == "$eq":
        return equal(found, operand)
    if name == "$in":
        return any(equal(found, each) for each in operand)
    if name == "$contains_any":
        return isinstance(found, list) and any(equal(have, want) for have in found for want in operand)
    if name == "$contains_all":
        return isinstance(found, list) and all(any(equal(have, want) for have in found) for want in operand)
    if name == "$prefix":
        return isinstance(found, str) and found[: len(operand)] == operand
    if name == "$ieq":
        return isinstance(found, str) and found.casefold() == operand.casefold()
    if name == "$contains_text":
        have = [word for each in _texts_of(found) for word in words(each)]
        return words(operand) != [] and set(words(operand)) <= set(have)
    if name in SCANS:
        return any(SCANS[name](operand, each) for each in _texts_of(found))
    if name == "$size":
        limits = operand if isinstance(operand, dict) else {"$eq": operand}
        return isinstance(found, list) and all(_compared(*each, len(found)) for each in limits.items())
    if name in TIMES:
        return moment(found) is not None and _compared(TIMES[name], moment(operand), moment(found))
    return _in_order(name, found, operand)


SCANS: dict[str, Callable[[str, str], bool]] = {
    "$icontains": lambda operand, text: operand.casefold() in text.casefold(),
    "$regex": lambda operand, text: re.search(operand, text) is not None,
    "$phrase": lambda operand, text: _in_a_row(words(operand), words(text)),
}
"""Words in a row within one text; Python's expressions mean the same as RE2's as far as tests write them."""


def words(text: str) -> list[str]:
    """Runs of letters and digits without case, of what texts of tests have: nothing of CJK."""
    return re.findall(
        r"[^\W_]+", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    )


def _in_a_row(wanted: list[str], have: list[str]) -> bool:
    starts = range(len(have) - len(wanted) + 1)
    return wanted != [] and any(have[start : start + len(wanted)] == wanted for start in starts)


def _texts_of(found: Any) -> list[str]:
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)]


def _compared(name: str, bound: Any, found: Any) -> bool:
    answers = {"$gt": found > bound, "$gte": found >= bound, "$lt": found < bound, "$lte": found <= bound}
    return bool(answers.get(name, found == bound))


def moment(value: Any) -> Fraction | None:
    """Seconds since 1970 of a time in RFC 3339, letter by letter; the tests have no leap seconds.

    A date is its midnight, and a time without an offset is in UTC.
    """
    return _moment_of(value) if isinstance(value, str) and value.isascii() else None


@lru_cache(maxsize=10_000)
def _moment_of(value: str) -> Fraction | None:
    if len(value) == 10:
        value += "T00:00:00"
    if not value[19:].strip(".0123456789"):
        value += "Z"
    shape = "".join("9" if c.isdigit() else c.upper() for c in value)
    day, rest = shape[:19], shape[19:]
    digits = len(rest) - len(rest[1:].lstrip("9")) - 1 if rest[:1] == "." else 0
    zone = rest[1 + digits :] if rest[:1] == "." else rest
    if day != "9999-99-99T99:99:99" or (rest[:1] == "." and not digits):
        return None
    if zone not in ("Z", "+99:99", "-99:99"):
        return None
    ahead = timedelta()
    if zone != "Z":
        hours, minutes = int(value[-5:-3]), int(value[-2:])
        if hours > 23 or minutes > 59:
            return None
        ahead = timedelta(hours=hours, minutes=minutes) * (1 if zone[0] == "+" else -1)
    has_year_0 = value[:4] == "0000"  # which Python does not have; the calendar repeats after 400 years
    try:
        start = datetime.strptime(
            value[:19].upper().replace("0000", "0400", has_year_0) + "Z", "%Y-%m-%dT%H:%M:%S%z"
        )
    except ValueError:
        return None
    since = start - datetime(1970, 1, 1, tzinfo=UTC) - ahead - timedelta(days=146_097 * has_year_0)
    return Fraction(since.days * 86_400 + since.seconds) + Fraction(
        int(value[20 : 20 + digits] or "0"), 10**digits
    )


def _in_order(name: str, found: Any, bound: Any) -> bool:
    if kind(found) != kind(bound) or kind(found) not in ("number", "string"):
        return False
    if kind(found) == "string":  # by code point
        found, bound = [ord(c) for c in found], [ord(c) for c in bound]
    answers = {"$gt": found > bound, "$gte": found >= bound, "$lt": found < bound, "$lte": found <= bound}
    return bool(answers[name])


def kind(value: Any) -> str:
    """The JSON type of a value."""
    if value is ABSENT:
        return "absent"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[Any, str] = {str: "string", list: "array", dict: "object"}
    return names[type(value)]


def equal(one: Any, other: Any) -> bool:
    """Deep equality, types kept apart, numbers by value."""
    if kind(one) != kind(other) or one is ABSENT:
        return False
    if kind(one) == "array":
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    if kind(one) == "object":
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    return bool(one == other)
