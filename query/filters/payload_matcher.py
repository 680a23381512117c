"""Filter tree → a closure that says of a decoded payload whether it matches.

The truth table is the contract's: a boolean never equals a number, 1 equals 1.0, integers compare
exactly whatever their size, a stored null is not a missing field, ordering knows numbers with numbers
and strings with strings, instants with texts that name one, and is false for the rest.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from asteroid_cloud.query.filters.instants import Instant, instant
from asteroid_cloud.query.filters.tree import (
    Among,
    And,
    Compare,
    ContainsAll,
    ContainsAny,
    Equal,
    EqualFolded,
    Exists,
    Field,
    Literal,
    Node,
    Not,
    ObjectLiteral,
    Or,
    Prefix,
    Size,
    Test,
    When,
)

Matcher = Callable[[dict[str, Any]], bool]
"""Whether a decoded payload matches."""

ValueTest = Callable[[Any], bool]
"""Whether the value at a path, or MISSING, passes."""

MISSING = object()

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matcher(node: Node) -> Matcher:
    """Compiles a tree."""
    match node:
        case Field(path, test):
            return _field_matcher(path, value_test(test))
        case Not(part):
            inner = matcher(part)
            return lambda document: not inner(document)
        case And(parts):
            return _all_of([matcher(part) for part in parts])
        case Or(parts):
            return _any_of([matcher(part) for part in parts])


def _all_of(parts: list[Matcher]) -> Matcher:
    if len(parts) == 2:  # the commonest, and a loop costs more than two calls
        first, second = parts
        return lambda document: first(document) and second(document)

    return lambda document: all(part(document) for part in parts)


def _any_of(parts: list[Matcher]) -> Matcher:
    return lambda document: any(part(document) for part in parts)


def _field_matcher(path: tuple[str, ...], test: ValueTest) -> Matcher:
    name, rest = path[0], path[1:]
    if not rest:
        return lambda document: test(document.get(name, MISSING))

    def nested(document: dict[str, Any]) -> bool:
        value = document.get(name, MISSING)
        for step in rest:
            if type(value) is not dict:
                return test(MISSING)
            value = value.get(step, MISSING)
        return test(value)

    return nested


def value_test(test: Test) -> ValueTest:
    """Compiles the test of one value; MISSING passes none of them."""
    match test:
        case Equal(literal):
            return _equals(literal)
        case Among(literals):
            return _among(literals)
        case Compare(order, bound):
            return _ordered(order, bound)
        case Exists():
            return lambda value: value is not MISSING
        case ContainsAny(literals):
            wanted = _among(literals)
            return lambda value: type(value) is list and any(map(wanted, value))
        case ContainsAll(literals):
            return _contains_all(literals)
        case Prefix(text):
            return lambda value: type(value) is str and value.startswith(text)
        case EqualFolded(folded):
            return lambda value: type(value) is str and value.casefold() == folded
        case Size(order, length):
            holds = _ORDERS[order]
            return lambda value: type(value) is list and holds(len(value), length)
        case When(order, bound):
            return _when(order, bound)


def _never(value: Any) -> bool:
    return False


def _equals(literal: Literal) -> ValueTest:
    if literal is None or isinstance(literal, bool):
        return lambda value: value is literal
    if isinstance(literal, str):
        return lambda value: bool(value == literal)
    if isinstance(literal, int | float):
        return lambda value: bool(value == literal) and type(value) is not bool
    return lambda value: same(value, literal)


def same(value: Any, literal: Literal) -> bool:
    """Deep equality of a decoded JSON value with a literal; booleans and numbers stay apart throughout."""
    if isinstance(literal, tuple):
        return (
            type(value) is list
            and len(value) == len(literal)
            and all(same(each, wanted) for each, wanted in zip(value, literal, strict=True))
        )
    if isinstance(literal, ObjectLiteral):
        return (
            type(value) is dict
            and len(value) == len(literal.items)
            and all(same(value.get(name, MISSING), wanted) for name, wanted in literal.items)
        )
    return _equals(literal)(value)


def _among(literals: tuple[Literal, ...]) -> ValueTest:
    """Equality with any of many: a set for texts and numbers, identity and comparison for the rest."""
    hashed = frozenset(each for each in literals if _is_hashed(each))
    singles = tuple(each for each in literals if each is None or isinstance(each, bool))
    nested = tuple(each for each in literals if isinstance(each, tuple | ObjectLiteral))

    def among(value: Any) -> bool:
        if _is_hashed(value):
            return value in hashed
        if value is None or type(value) is bool:
            return any(value is each for each in singles)
        return any(same(value, each) for each in nested)

    return among if literals else _never


def _is_hashed(value: Any) -> bool:
    """Whether a set tells the value apart as the contract does: 1 and 1.0 are one member, true is none."""
    kind = type(value)
    return kind is str or kind is int or kind is float


def _ordered(order: str, bound: Literal) -> ValueTest:
    holds = _ORDERS[order]
    if isinstance(bound, str):
        return lambda value: type(value) is str and holds(value, bound)
    if isinstance(bound, int | float) and not isinstance(bound, bool):
        return lambda value: (type(value) is int or type(value) is float) and holds(value, bound)
    return _never


def _when(order: str, bound: Instant) -> ValueTest:
    holds = _ORDERS[order]

    def when(value: Any) -> bool:
        found = instant(value) if type(value) is str else None
        return found is not None and holds(found, bound)

    return when


def _contains_all(literals: tuple[Literal, ...]) -> ValueTest:
    hashed = frozenset(each for each in literals if _is_hashed(each))
    others = [_equals(each) for each in literals if not _is_hashed(each)]

    def contains_all(value: Any) -> bool:
        if type(value) is not list:
            return False
        if hashed and not hashed.issubset(filter(_is_hashed, value)):
            return False
        return all(any(map(test, value)) for test in others)

    return contains_all
