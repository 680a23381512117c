"""JSON values in a form that a set tells apart as the contract does: 1 is 1.0, and true is neither.

A text or number stands for itself. Anything else is a tuple that begins with its kind, and no text or number
is a tuple.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from asteroid_cloud.query.filters.tree import Literal, ObjectLiteral

Comparable = Hashable
"""Equal for equal values, and only for these."""

_ATOM, _ARRAY, _OBJECT = range(3)
_PLAIN = frozenset((str, int, float))


def elements_of(values: list[Any]) -> frozenset[Comparable]:
    """The distinct elements of a decoded array."""
    if _PLAIN.issuperset(map(type, values)):
        return frozenset(values)
    return frozenset(map(comparable, values))


def comparable(value: Any) -> Comparable:
    """The form of a decoded value."""
    kind = type(value)
    if kind in _PLAIN:
        return value  # type: ignore[no-any-return]
    if kind is list:
        return (_ARRAY, *map(comparable, value))
    if kind is dict:
        return (_OBJECT, frozenset((name, comparable(each)) for name, each in value.items()))
    return (_ATOM, value)


def comparable_literal(literal: Literal) -> Comparable:
    """The form of the value that a literal stands for."""
    if isinstance(literal, tuple):
        return (_ARRAY, *map(comparable_literal, literal))
    if isinstance(literal, ObjectLiteral):
        return (_OBJECT, frozenset((name, comparable_literal(each)) for name, each in literal.items))
    return literal if type(literal) in _PLAIN else (_ATOM, literal)
