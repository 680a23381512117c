"""The filter tree: what a filter says once its JSON has been checked, and the key it is cached under.

Owns the node types and their canonical form; it neither reads JSON nor looks at payloads. Every node
is immutable. ``$ne``, ``$nin`` and ``$nor`` are complements, so the tree has no nodes of their own
for them: it has ``Not``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from typing import Literal as OneOf

import msgspec

from asteroid_cloud.query.filters.instants import Instant
from asteroid_cloud.query.filters.value_list import ValueList, value_list

Order = OneOf["$gt", "$gte", "$lt", "$lte"]


class ObjectLiteral(msgspec.Struct, frozen=True):
    """A JSON object inside a filter, as pairs sorted by name."""

    items: tuple[tuple[str, Literal], ...]


Literal = str | int | float | bool | None | tuple["Literal", ...] | ObjectLiteral
"""A JSON value that payload values are compared with; arrays are tuples, objects ObjectLiterals."""


class Equal(msgspec.Struct, frozen=True):
    """The whole value equals a literal."""

    literal: Literal


class Among(msgspec.Struct, frozen=True, dict=True):
    """The whole value equals one of the literals."""

    literals: tuple[Literal, ...]

    @cached_property
    def values(self) -> ValueList:
        """The literals by their kinds."""
        return value_list(self.literals)


class Compare(msgspec.Struct, frozen=True):
    """The value is of the bound's kind, number or string, and stands so in order to it."""

    order: Order
    bound: Literal


class Exists(msgspec.Struct, frozen=True):
    """The path leads to a value, be it null."""


class ContainsAny(msgspec.Struct, frozen=True, dict=True):
    """The value is an array with at least one of the literals in it."""

    literals: tuple[Literal, ...]

    @cached_property
    def values(self) -> ValueList:
        """The literals by their kinds."""
        return value_list(self.literals)


class ContainsAll(msgspec.Struct, frozen=True):
    """The value is an array with all of the literals in it."""

    literals: tuple[Literal, ...]


class Prefix(msgspec.Struct, frozen=True):
    """The value is a string that begins with these code points."""

    text: str


class EqualFolded(msgspec.Struct, frozen=True):
    """The value is a string that is the same once both are case-folded, as Unicode says."""

    folded: str


class ContainsFolded(msgspec.Struct, frozen=True):
    """The value is a string that contains this one, both case-folded, or an array with such a string."""

    folded: str


class Regex(msgspec.Struct, frozen=True):
    """The value is a string in which the expression matches somewhere, or an array with such a string."""

    pattern: str


class Size(msgspec.Struct, frozen=True):
    """The value is an array whose number of elements stands so to ``length``."""

    order: OneOf["$eq"] | Order
    length: int


class When(msgspec.Struct, frozen=True):
    """The value is a date or time of RFC 3339 that stands so in order to an instant."""

    order: OneOf["$eq"] | Order
    bound: Instant


class ContainsWords(msgspec.Struct, frozen=True):
    """The value is a string with all of the words in it, or an array whose strings have them together.

    Words are those of the default analyser, in UTF-8. No words are in nothing.
    """

    words: frozenset[bytes]


class Phrase(msgspec.Struct, frozen=True):
    """The value is a string with these words in a row, or an array with such a string; as above."""

    words: tuple[bytes, ...]


Scan = ContainsFolded | Regex | ContainsWords | Phrase
"""A test that looks through whole texts."""
Test = (
    Equal | Among | Compare | Exists | ContainsAny | ContainsAll | Prefix | EqualFolded | Size | When | Scan
)


class Field(msgspec.Struct, frozen=True):
    """A test of the value at the end of a path through objects."""

    path: tuple[str, ...]
    test: Test


class And(msgspec.Struct, frozen=True):
    """Every part matches; with no parts, everything does."""

    parts: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True):
    """Some part matches; with no parts, nothing does."""

    parts: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True):
    """The part does not match."""

    part: Node


Node = Field | And | Or | Not

EVERYTHING = And(())
SPELLED_VALUES_MAX = 4_096
"""Longer lists of values stand in keys as their digest, in the order given: sorting them takes too long."""


def conjunction(parts: list[Node]) -> Node:
    """All of ``parts``; a single one stands for itself."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def root_names(node: Node) -> frozenset[str]:
    """The top-level payload fields that a filter looks at."""
    match node:
        case Field(path, _):
            return frozenset((path[0],))
        case Not(part):
            return root_names(part)
        case And(parts) | Or(parts):
            return frozenset().union(*map(root_names, parts))


def tests_of(node: Node) -> Iterator[Test]:
    """All tests of values in a filter, repeated ones too."""
    match node:
        case Field(_, test):
            yield test
        case Not(part):
            yield from tests_of(part)
        case And(parts) | Or(parts):
            for each in parts:
                yield from tests_of(each)


def paths_of(node: Node) -> frozenset[tuple[str, ...]]:
    """The paths that a filter looks at."""
    match node:
        case Field(path, _):
            return frozenset((path,))
        case Not(part):
            return paths_of(part)
        case And(parts) | Or(parts):
            return frozenset().union(*map(paths_of, parts))


def canonical(node: Node) -> bytes:
    """A key that two filters share only if they match the same payloads.

    Order, repetition, nesting of like with like, and 1 against 1.0 make no difference to it.
    """
    return _node_text(node).encode()


def _node_text(node: Node) -> str:
    match node:
        case Field(path, test):
            return json.dumps(path, separators=(",", ":")) + _test_text(test)
        case Not(Not(part)):
            return _node_text(part)
        case Not(part):
            return f"not({_node_text(part)})"
        case And():
            return _set_text("and", _member_texts(node, And))
        case Or():
            return _set_text("or", _member_texts(node, Or))


def _member_texts(node: And | Or, kind: type[And] | type[Or]) -> set[str]:
    texts: set[str] = set()
    for part in node.parts:
        if isinstance(part, kind):
            texts |= _member_texts(part, kind)
        else:
            texts.add(_node_text(part))
    return texts


def _set_text(name: str, texts: set[str]) -> str:
    return texts.pop() if len(texts) == 1 else f"{name}({','.join(sorted(texts))})"


def _test_text(test: Test) -> str:
    match test:
        case Equal(literal):
            return "=" + _literal_text(literal)
        case Among(literals) if len(literals) > SPELLED_VALUES_MAX:
            return f"in#{_digest(literals)}"
        case Among(literals):
            texts = {_literal_text(each) for each in literals}
            return "=" + texts.pop() if len(texts) == 1 else f"in[{','.join(sorted(texts))}]"
        case Compare(order, bound):
            return order + _literal_text(bound)
        case Exists():
            return "exists"
        case ContainsAny(literals):
            return f"any[{','.join(sorted({_literal_text(each) for each in literals}))}]"
        case ContainsAll(literals):
            return f"all[{','.join(sorted({_literal_text(each) for each in literals}))}]"
        case Prefix(text):
            return "prefix" + json.dumps(text)
        case EqualFolded(folded):
            return "folded" + json.dumps(folded)
        case ContainsFolded(folded):
            return "within" + json.dumps(folded)
        case Regex(pattern):
            return "regex" + json.dumps(pattern)
        case ContainsWords(words):
            return "words" + json.dumps([word.decode() for word in sorted(words)])
        case Phrase(words):
            return "phrase" + json.dumps([word.decode() for word in words])
        case Size(order, length):
            return f"size{order}{length}"
        case When(order, bound):
            return f"when{order}{json.dumps(bound)}"


def _digest(literals: tuple[Literal, ...]) -> str:
    """Of a list in its order; lists of equal values have different ones where 1 is not 1.0."""
    try:
        packed = msgspec.msgpack.encode(literals)
    except OverflowError:  # it has no integers of more than 64 bits
        packed = msgspec.json.encode([_literal_text(each) for each in literals])
    return blake2b(packed).hexdigest()


def _literal_text(literal: Literal) -> str:
    if type(literal) is int:
        return int.__repr__(literal)
    if type(literal) is str:
        return encode_basestring_ascii(literal)
    if isinstance(literal, float) and literal.is_integer():
        return str(int(literal))
    if isinstance(literal, tuple):
        return f"[{','.join(map(_literal_text, literal))}]"
    if isinstance(literal, ObjectLiteral):
        members = [f"{json.dumps(name)}:{_literal_text(each)}" for name, each in literal.items]
        return "{" + ",".join(members) + "}"
    return json.dumps(literal)
