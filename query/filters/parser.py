"""Filter JSON → filter tree; every malformation is an InvalidRequest ``bad_filter`` that names its place.

A place reads like ``$.$or[1].year.$gte``. Bytes of any kind give a tree or that error: nothing else
escapes, whatever they hold (deep nesting, broken UTF-8, NaN, endless digits, halves of surrogates).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Literal as OneOf
from typing import NoReturn
from uuid import UUID

import msgspec
import numpy as np

from asteroid_cloud.query.filters.instants import instant
from asteroid_cloud.query.filters.paths import MalformedPath, Path, parse_path
from asteroid_cloud.query.filters.patterns import MalformedPattern, check_pattern
from asteroid_cloud.query.filters.texts import words_of
from asteroid_cloud.query.filters.tree import (
    EVERYTHING,
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
    Order,
    Phrase,
    Prefix,
    Regex,
    Size,
    Test,
    When,
    conjunction,
)
from asteroid_cloud.query.limits import (
    FILTER_BYTES_MAX,
    FILTER_DEPTH_MAX,
    FILTER_NODES_MAX,
    FILTER_SCANS_MAX,
    FILTER_VALUES_MAX,
    TEXT_WORDS_MAX,
)
from asteroid_cloud.wal.errors import InvalidRequest

ROOT = "$"
LOGICAL = ("$and", "$or", "$nor", "$not")
TIMES: dict[str, OneOf["$eq"] | Order] = {
    "$at": "$eq",
    "$after": "$gt",
    "$on_or_after": "$gte",
    "$before": "$lt",
    "$on_or_before": "$lte",
}
"""The orders of instants, by the operator that asks for each."""
SCANS = ("$icontains", "$regex", "$contains_text", "$phrase")
"""Those that look through whole texts."""
OPERATORS = (
    *("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"),
    *("$contains_any", "$contains_all", "$exists", "$not"),
    *("$prefix", "$ieq", "$size", *TIMES, *SCANS),
)
PLACE_NAME_MAX = 64

_VALUES_WRITTEN_MAX = FILTER_VALUES_MAX + 4 * FILTER_NODES_MAX
"""Commas and brackets of a filter whose values and predicates are within their limits."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALARS = frozenset((str, int, float, bool, type(None)))
_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.]*")


class Pairs(tuple[tuple[str, object], ...]):
    """A JSON object as it was written, so that a name given twice is seen."""

    __slots__ = ()


def tree_from_bytes(raw: bytes) -> Node:
    """The tree of a filter in JSON text."""
    if len(raw) > FILTER_BYTES_MAX:
        _refuse(ROOT, f"a filter has at most {FILTER_BYTES_MAX} bytes of JSON, this one {len(raw)}")
    if (
        _values_at_most(raw) > _VALUES_WRITTEN_MAX
        and _values_at_most(_STRING.sub(b"", raw)) > _VALUES_WRITTEN_MAX
    ):
        _refuse(ROOT, f"more than {FILTER_VALUES_MAX} values, those within arrays and objects included")
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=Pairs, parse_constant=_refuse_constant)
    except RecursionError:
        _refuse(ROOT, "nested too deeply")
    except UnicodeDecodeError as error:
        _refuse(ROOT, f"not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        _refuse(ROOT, f"not JSON at character {error.pos}: {error.msg}")
    except ValueError:  # more digits than Python turns into an integer
        _refuse(ROOT, "a number is out of range")
    if not isinstance(document, Pairs):
        _refuse(ROOT, "a filter must be a JSON object")
    return _Parser().predicate(document, ROOT, 1)


def tree_from_object(value: object) -> Node:
    """The tree of a filter given as Python mappings, lists and scalars."""
    try:
        text = _TO_JSON.encode(value)
        raw = text.encode("utf-8")
    except RecursionError:
        _refuse(ROOT, "nested too deeply")
    except (TypeError, ValueError) as error:  # not a JSON type, NaN, a cycle, half a surrogate pair
        _refuse(ROOT, f"not expressible as JSON ({error})".encode("ascii", "backslashreplace").decode())
    return tree_from_bytes(raw)


def _values_at_most(text: bytes) -> int:
    """No fewer than the values in JSON text; what is too much is not even decoded."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _plain(value: object) -> object:
    """What JSON knows in place of a value that it does not: mappings, numpy's values, dates, UUIDs."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, date | UUID):
        return msgspec.to_builtins(value)
    raise TypeError(f"{type(value).__name__} is no type of JSON")


_TO_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _refuse(place: str, reason: str) -> NoReturn:
    raise InvalidRequest(f"bad filter at {place}: {reason}", code="bad_filter", at=place)


def _refuse_constant(name: str) -> NoReturn:
    _refuse(ROOT, f"{name} is not JSON")


def _inside(place: str, name: str) -> str:
    shown = name if len(name) <= PLACE_NAME_MAX else name[:PLACE_NAME_MAX] + "…"
    return f"{place}.{shown}" if _PLAIN_NAME.fullmatch(shown) else f"{place}[{json.dumps(shown)}]"


def _names(pairs: Pairs, place: str) -> list[str]:
    """The names of an object, checked: none twice, none with half a surrogate pair."""
    names = [_checked_text(name, place) for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        _refuse(_inside(place, twice), "given twice")
    return names


def _checked_text(text: str, place: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        _refuse(place, "a text holds half of a surrogate pair")
    return text


class _Parser:
    """Counts predicates while it descends; one for each filter."""

    def __init__(self) -> None:
        self._nodes = 0
        self._values = 0
        self._scans = 0

    def predicate(self, value: object, place: str, level: int) -> Node:
        """An object of fields and logical operators, all of which must match."""
        if not isinstance(value, Pairs):
            _refuse(place, "must be an object")
        self._enter(place, level)
        _names(value, place)
        parts: list[Node] = []
        for name, each in value:
            here = _inside(place, name)
            if name in LOGICAL:
                parts.append(self._logical(name, each, here, level))
            elif name in OPERATORS:
                _refuse(here, f"{name} needs a field: write it as {{field: {{{name}: …}}}}")
            elif name.startswith("$"):
                _refuse(here, "unknown operator")
            else:
                parts.append(self._condition(_path(name, here), each, here, level))
        return conjunction(parts) if parts else EVERYTHING

    def _enter(self, place: str, level: int) -> None:
        if level > FILTER_DEPTH_MAX:
            _refuse(place, f"nested deeper than {FILTER_DEPTH_MAX} levels")
        self._nodes += 1
        if self._nodes > FILTER_NODES_MAX:
            _refuse(place, f"more than {FILTER_NODES_MAX} predicates")

    def _logical(self, name: str, value: object, place: str, level: int) -> Node:
        if name == "$not":
            return Not(self.predicate(value, place, level + 1))
        if not isinstance(value, list):
            _refuse(place, "must be an array of filters")
        parts = tuple(
            self.predicate(each, f"{place}[{position}]", level + 1) for position, each in enumerate(value)
        )
        if name == "$and":
            return And(parts)
        return Or(parts) if name == "$or" else Not(Or(parts))

    def _condition(self, path: tuple[str, ...], value: object, place: str, level: int) -> Node:
        """What stands after a field's name: an object of operators, or a bare value to equal."""
        self._enter(place, level)
        if isinstance(value, Pairs):
            names = _names(value, place)
            operators = [name for name in names if name.startswith("$")]
            if operators and len(operators) < len(names):
                _refuse(place, "mixes operators with plain names")
            if operators:
                return conjunction(
                    [self._operator(path, name, each, _inside(place, name), level) for name, each in value]
                )
        return Field(path, Equal(_literal(value, place, 1, bare=True)))

    def _operator(self, path: tuple[str, ...], name: str, value: object, place: str, level: int) -> Node:
        if name == "$not":
            return Not(self._condition(path, value, place, level + 1))
        if name not in OPERATORS:
            known = "stands beside fields, not inside one" if name in LOGICAL else "unknown operator"
            _refuse(place, known)
        self._enter(place, level)
        if name == "$exists":
            if not isinstance(value, bool):
                _refuse(place, "must be true or false")
            return Field(path, Exists()) if value else Not(Field(path, Exists()))
        if name == "$size":
            return conjunction([Field(path, test) for test in _sizes(value, place)])
        if name in SCANS:
            self._scans += 1
            if self._scans > FILTER_SCANS_MAX:
                _refuse(place, f"more than {FILTER_SCANS_MAX} of {' and '.join(SCANS)} in a filter")
        if isinstance(value, list):
            self._values += len(value)
            if self._values > FILTER_VALUES_MAX:
                _refuse(place, f"more than {FILTER_VALUES_MAX} values in the lists of a filter")
        node = Field(path, _test(name, value, place))
        return Not(node) if name in ("$ne", "$nin") else node


def _path(name: str, place: str) -> Path:
    try:
        return parse_path(name)
    except MalformedPath as error:
        _refuse(place, str(error))


def _test(name: str, value: object, place: str) -> Test:
    match name:
        case "$eq" | "$ne":
            return Equal(_literal(value, place, 1))
        case "$gt" | "$gte" | "$lt" | "$lte":
            return Compare(name, _literal(value, place, 1))
        case "$prefix":
            return Prefix(_string(value, place))
        case "$ieq":
            return EqualFolded(_string(value, place).casefold())
        case "$icontains":
            return ContainsFolded(_string(value, place).casefold())
        case "$regex":
            return Regex(_pattern(value, place))
        case "$contains_text":
            return ContainsWords(frozenset(_words(value, place)))
        case "$phrase":
            return Phrase(_words(value, place))
    if name in TIMES:
        return _when(TIMES[name], value, place)
    if not isinstance(value, list):
        _refuse(place, "must be an array of values")
    literals = _literals(value, place)
    if name == "$contains_any":
        return ContainsAny(literals)
    return ContainsAll(literals) if name == "$contains_all" else Among(literals)


def _literals(values: list[object], place: str) -> tuple[Literal, ...]:
    """Many values; when all are scalars they are checked together, which takes a tenth of the time."""
    if _SCALARS.issuperset(map(type, values)):
        try:
            "".join([each for each in values if type(each) is str]).encode("utf-8")
            if all(map(math.isfinite, [each for each in values if type(each) is float])):
                return tuple(values)  # type: ignore[arg-type]
        except UnicodeEncodeError:
            pass  # one by one, to name the place
    return tuple(_literal(each, f"{place}[{position}]", 1) for position, each in enumerate(values))


def _string(value: object, place: str) -> str:
    if not isinstance(value, str):
        _refuse(place, "must be a string")
    return _checked_text(value, place)


def _words(value: object, place: str) -> tuple[bytes, ...]:
    words = words_of(_string(value, place))
    if len(words) > TEXT_WORDS_MAX:
        _refuse(place, f"a text to look for has at most {TEXT_WORDS_MAX} words, this one {len(words)}")
    return words


def _pattern(value: object, place: str) -> str:
    pattern = _string(value, place)
    try:
        check_pattern(pattern)
    except MalformedPattern as error:
        _refuse(place, str(error))
    return pattern


def _when(order: OneOf["$eq"] | Order, value: object, place: str) -> When:
    bound = instant(value) if isinstance(value, str) else None
    if bound is None:
        _refuse(place, 'must be a date or time as RFC 3339 writes it: "2026-01-01", "2026-01-01T00:00:00Z"')
    return When(order, bound)


def _sizes(value: object, place: str) -> list[Size]:
    """The tests of a length: one number that it equals, or an object of comparisons, at least one."""
    if not isinstance(value, Pairs):
        return [Size("$eq", _length(value, place))]
    if not value:
        _refuse(place, "needs a number or a comparison")
    _names(value, place)
    tests = []
    for name, each in value:
        here = _inside(place, name)
        match name:
            case "$eq" | "$gt" | "$gte" | "$lt" | "$lte":
                tests.append(Size(name, _length(each, here)))
            case _:
                _refuse(here, "a size is compared with $eq, $gt, $gte, $lt or $lte")
    return tests


def _length(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _refuse(place, "a size is an integer from 0 on")
    return value


def _literal(value: object, place: str, level: int, *, bare: bool = False) -> Literal:
    """A value to compare with, immutable.

    ``bare`` values, which stand without an operator, may not hold names that start with $: somebody
    who writes {a: {b: {$gte: 1}}} means "a.b", and would be told of no match without it. Behind an
    operator every name is data.
    """
    if level > FILTER_DEPTH_MAX:
        _refuse(place, f"nested deeper than {FILTER_DEPTH_MAX} levels")
    if isinstance(value, str):
        return _checked_text(value, place)
    if isinstance(value, list):
        return tuple(
            _literal(each, f"{place}[{position}]", level + 1, bare=bare)
            for position, each in enumerate(value)
        )
    if isinstance(value, Pairs):
        for name in _names(value, place):
            if bare and name.startswith("$"):
                _refuse(_inside(place, name), 'an operator in a value: write the path as "a.b", or use $eq')
        items = [(name, _literal(each, _inside(place, name), level + 1, bare=bare)) for name, each in value]
        return ObjectLiteral(tuple(sorted(items, key=lambda item: item[0])))
    if value is None or isinstance(value, bool | int):
        return value
    assert isinstance(value, float), "json.loads makes no other types"
    if not math.isfinite(value):
        _refuse(place, "a number is out of range")
    return value
