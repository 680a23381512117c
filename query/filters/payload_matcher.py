"""Filter tree → a closure that says of a decoded payload whether it matches.

The truth table is the contract's: a boolean never equals a number, 1 equals 1.0, integers compare
exactly whatever their size, a stored null is not a missing field, ordering knows numbers with numbers
and strings with strings, instants with texts that name one, and is false for the rest.

What all of a value has to be read for, the elements of an array or the instant of a text, is worked out once
for a payload, however many tests look at it. So the cost of a payload grows with its size and with the number
of tests, never with their product.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from asteroid_cloud.query.filters.elements import Comparable, comparable, comparable_literal, elements_of
from asteroid_cloud.query.filters.instants import Instant, instant
from asteroid_cloud.query.filters.texts import text_test, texts_test
from asteroid_cloud.query.filters.tree import (
    Among,
    And,
    Compare,
    ContainsAll,
    ContainsAny,
    ContainsFolded,
    ContainsWords,
    Equal,
    EqualFolded,
    Exists,
    Field,
    Literal,
    Node,
    Not,
    ObjectLiteral,
    Or,
    Phrase,
    Prefix,
    Regex,
    Scan,
    Size,
    Test,
    When,
)

Matcher = Callable[[dict[str, Any]], bool]
"""Whether a decoded payload matches."""

Memo = dict[object, Any]
"""What is worked out of one payload for all tests."""

DocumentTest = Callable[[dict[str, Any], Memo], bool]
"""Whether a decoded payload matches; it comes with an empty memo."""

ValueTest = Callable[[Any, Memo], bool]
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
    test = _document_test(node)
    return lambda document: test(document, {})


def _document_test(node: Node) -> DocumentTest:
    match node:
        case Field(path, test):
            return _field_test(path, _value_test(test, path))
        case Not(part):
            inner = _document_test(part)
            return lambda document, memo: not inner(document, memo)
        case And(parts):
            return _all_of([_document_test(part) for part in parts])
        case Or(parts):
            return _any_of([_document_test(part) for part in parts])


def _all_of(parts: list[DocumentTest]) -> DocumentTest:
    if len(parts) == 2:  # the commonest, and a loop costs more than two calls
        first, second = parts
        return lambda document, memo: first(document, memo) and second(document, memo)

    return lambda document, memo: all(part(document, memo) for part in parts)


def _any_of(parts: list[DocumentTest]) -> DocumentTest:
    return lambda document, memo: any(part(document, memo) for part in parts)


def _field_test(path: tuple[str, ...], test: ValueTest) -> DocumentTest:
    name, rest = path[0], path[1:]
    if not rest:
        return lambda document, memo: test(document.get(name, MISSING), memo)

    def nested(document: dict[str, Any], memo: Memo) -> bool:
        value = document.get(name, MISSING)
        for step in rest:
            if type(value) is not dict:
                return test(MISSING, memo)
            value = value.get(step, MISSING)
        return test(value, memo)

    return nested


def _value_test(test: Test, path: tuple[str, ...]) -> ValueTest:
    """Compiles the test of the value at a path; MISSING passes none of them."""
    match test:
        case Equal(literal):
            return _alone(_equals(literal))
        case Among(literals):
            return _alone(_among(literals))
        case Compare(order, bound):
            return _alone(_ordered(order, bound))
        case Exists():
            return lambda value, memo: value is not MISSING
        case ContainsAny(literals):
            return _contains_any(literals, path)
        case ContainsAll(literals):
            return _contains_all(literals, path)
        case Prefix(text):
            return lambda value, memo: type(value) is str and value.startswith(text)
        case EqualFolded(folded):
            return _equals_folded(folded)
        case ContainsFolded() | Regex() | ContainsWords() | Phrase():
            return _alone(_scanned(test))
        case Size(order, length):
            holds = _ORDERS[order]
            return lambda value, memo: type(value) is list and holds(len(value), length)
        case When(order, bound):
            return _when(order, bound, path)


Plain = Callable[[Any], bool]
"""A test that needs no memo."""


def _alone(test: Plain) -> ValueTest:
    return lambda value, memo: test(value)


def _never(value: Any) -> bool:
    return False


def _equals(literal: Literal) -> Plain:
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


def _among(literals: tuple[Literal, ...]) -> Plain:
    """Equality with any of many: a set for texts and numbers, identity and comparison for the rest."""
    hashed = frozenset(each for each in literals if _is_hashed(each))
    singles = tuple(each for each in literals if each is None or isinstance(each, bool))
    nested = frozenset(
        comparable_literal(each) for each in literals if isinstance(each, tuple | ObjectLiteral)
    )

    def among(value: Any) -> bool:
        if _is_hashed(value):
            return value in hashed
        if value is None or type(value) is bool:
            return any(value is each for each in singles)
        return bool(nested) and comparable(value) in nested

    return among if literals else _never


def _is_hashed(value: Any) -> bool:
    """Whether a set tells the value apart as the contract does: 1 and 1.0 are one member, true is none."""
    kind = type(value)
    return kind is str or kind is int or kind is float


def _ordered(order: str, bound: Literal) -> Plain:
    holds = _ORDERS[order]
    if isinstance(bound, str):
        return lambda value: type(value) is str and holds(value, bound)
    if isinstance(bound, int | float) and not isinstance(bound, bool):
        return lambda value: (type(value) is int or type(value) is float) and holds(value, bound)
    return _never


def _scanned(scan: Scan) -> Plain:
    """Of a string, or of the strings in an array."""
    one, many = text_test(scan), texts_test(scan)

    def found(value: Any) -> bool:
        if type(value) is str:
            return one(value)
        return type(value) is list and many([each for each in value if type(each) is str])

    return found


def _equals_folded(folded: str) -> ValueTest:
    most = len(folded)  # folding makes no text shorter
    return lambda value, memo: type(value) is str and len(value) <= most and value.casefold() == folded


def _when(order: str, bound: Instant, path: tuple[str, ...]) -> ValueTest:
    holds, key = _ORDERS[order], (Instant, path)

    def when(value: Any, memo: Memo) -> bool:
        if type(value) is not str:
            return False
        if key not in memo:
            memo[key] = instant(value)
        found = memo[key]
        return found is not None and holds(found, bound)

    return when


def _contains_any(literals: tuple[Literal, ...], path: tuple[str, ...]) -> ValueTest:
    wanted, key = frozenset(map(comparable_literal, literals)), (list, path)
    return lambda value, memo: type(value) is list and not wanted.isdisjoint(_elements(value, key, memo))


def _contains_all(literals: tuple[Literal, ...], path: tuple[str, ...]) -> ValueTest:
    wanted, key = frozenset(map(comparable_literal, literals)), (list, path)
    return lambda value, memo: type(value) is list and wanted <= _elements(value, key, memo)


def _elements(value: list[Any], key: object, memo: Memo) -> frozenset[Comparable]:
    """The elements of the array at a path, worked out once."""
    found: frozenset[Comparable] | None = memo.get(key)
    if found is None:
        memo[key] = found = elements_of(value)
    return found
