"""Filters written as Python expressions: ``(F("year") >= 2026) & F("lemmas").contains_any("dog")``.

A ``Condition`` is a mapping, the filter's JSON itself, so it goes wherever a filter does. It knows the
words of the filter language and nothing of what the server makes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NoReturn

import numpy as np

from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.encoding import encode_object, plain

Value = str | int | float | bool | None | Sequence["Value"] | Mapping[str, "Value"]
"""What payloads hold, and so what their values are compared with."""
CODE = "bad_filter"


class Condition(Mapping[str, object]):
    """A filter; immutable. Join conditions with ``&`` and ``|``, turn one round with ``~``.

    Compare in parentheses: ``&`` and ``|`` bind more tightly than ``==`` and ``<``. ``and``, ``or``, ``not``
    and ``1 < F("a") < 5`` can not be given a meaning in Python and raise TypeError.
    """

    __slots__ = ("_filter",)

    def __init__(self, filter: Mapping[str, object]) -> None:
        """From a filter as plain dicts and lists, which is not checked here."""
        self._filter = dict(filter)

    def __getitem__(self, name: str) -> object:
        return self._filter[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._filter)

    def __len__(self) -> int:
        return len(self._filter)

    def __and__(self, other: object) -> Condition:
        return _joined("$and", self, _condition(other))

    def __rand__(self, other: object) -> Condition:
        return _joined("$and", _condition(other), self)

    def __or__(self, other: object) -> Condition:
        return _joined("$or", self, _condition(other))

    def __ror__(self, other: object) -> Condition:
        return _joined("$or", _condition(other), self)

    def __invert__(self) -> Condition:
        return Condition({"$not": self._filter})

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a condition is neither true nor false: join conditions with & and |, each in parentheses, use ~ "
            "in place of not, and write a < x < b as (x > a) & (x < b)"
        )

    def __repr__(self) -> str:
        return bytes(encode_object(self._filter, "bad_filter", "filter")).decode()


class F:
    r"""A field of the payload, by the path to it through objects: ``F("author.name")``.

    In a path ``\.`` is a dot in a key, ``\\`` a backslash, and ``\$`` at the start a dollar; ``F.of_keys``
    writes them. Comparing it makes a ``Condition``. Raises InvalidRequest (``bad_filter``) for what no
    filter can hold.
    """

    __slots__ = ("path",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, path: str) -> None:
        if not isinstance(path, str) or path.startswith("$"):
            raise InvalidRequest(f"a field is a path that does not begin with $, not {path!r:.80}", code=CODE)
        self.path = path

    @classmethod
    def of_keys(cls, *keys: str) -> F:
        """A field by its keys as they are, outermost first: ``F.of_keys("size.x", "$unit")``.

        Its ``path`` is the text that other calls take for this field.
        """
        if not keys or not all(isinstance(key, str) for key in keys):
            raise InvalidRequest(
                f"a field has one key or more, all of them strings, not {keys!r:.80}", code=CODE
            )
        path = ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in keys)
        return cls("\\" + path if path.startswith("$") else path)

    def __eq__(self, other: Value) -> Condition:  # type: ignore[override]
        return self._test("$eq", other)

    def __ne__(self, other: Value) -> Condition:  # type: ignore[override]
        return self._test("$ne", other)

    def __gt__(self, other: float | str) -> Condition:
        return self._test("$gt", other)

    def __ge__(self, other: float | str) -> Condition:
        return self._test("$gte", other)

    def __lt__(self, other: float | str) -> Condition:
        return self._test("$lt", other)

    def __le__(self, other: float | str) -> Condition:
        return self._test("$lte", other)

    def in_(self, values: Iterable[Value]) -> Condition:
        """Equal to one of the values."""
        return self._test("$in", _listed(values))

    def not_in(self, values: Iterable[Value]) -> Condition:
        """Equal to none of the values, or missing."""
        return self._test("$nin", _listed(values))

    def contains_any(self, *values: Value) -> Condition:
        """An array with at least one of the values in it."""
        return self._test("$contains_any", list(values))

    def contains_all(self, *values: Value) -> Condition:
        """An array with all of the values in it."""
        return self._test("$contains_all", list(values))

    def exists(self, there: bool = True) -> Condition:
        """Present, be it null; or missing."""
        return self._test("$exists", there)

    def prefix(self, text: str) -> Condition:
        """A string that begins so."""
        return self._test("$prefix", text)

    def ieq(self, text: str) -> Condition:
        """A string that equals it but for upper and lower case."""
        return self._test("$ieq", text)

    def contains_text(self, text: str) -> Condition:
        """A string with all words of the text in it, or an array whose strings have them together."""
        return self._test("$contains_text", text)

    def phrase(self, text: str) -> Condition:
        """A string with the words of the text in a row, or an array with such a string."""
        return self._test("$phrase", text)

    def icontains(self, text: str) -> Condition:
        """A string with this one in it but for case, or an array with such a string."""
        return self._test("$icontains", text)

    def regex(self, pattern: str) -> Condition:
        """A string in which an expression of RE2 matches somewhere, or an array with such a string."""
        return self._test("$regex", pattern)

    def size(
        self,
        length: int | None = None,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
    ) -> Condition:
        """An array of that many elements, or of a number within bounds; give at least one."""
        bounds = {"$eq": length, "$gt": gt, "$gte": gte, "$lt": lt, "$lte": lte}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        if not given:
            raise InvalidRequest("size takes a length or a bound", code=CODE)
        return self._test("$size", length if given.keys() == {"$eq"} else given)

    def at(self, time: str | date) -> Condition:
        """The same moment as this: a time of RFC 3339, or a date, which is its midnight.

        Dates, and texts without an offset, are in UTC; a datetime must know its offset.
        """
        return self._test("$at", _time(time))

    def after(self, time: str | date) -> Condition:
        """A time or date later than this."""
        return self._test("$after", _time(time))

    def on_or_after(self, time: str | date) -> Condition:
        """A time or date that is this or later."""
        return self._test("$on_or_after", _time(time))

    def before(self, time: str | date) -> Condition:
        """A time or date earlier than this."""
        return self._test("$before", _time(time))

    def on_or_before(self, time: str | date) -> Condition:
        """A time or date that is this or earlier."""
        return self._test("$on_or_before", _time(time))

    def _test(self, operator: str, operand: object) -> Condition:
        return Condition({self.path: {operator: _plain(operand)}})

    def _no_condition(self, other: object = None) -> NoReturn:
        raise TypeError(
            f"{self!r} is a field, not a condition: compare it, and put the comparison in parentheses, as in "
            f'({self!r} == 1) & (F("b") == 2)'
        )

    __and__ = __rand__ = __or__ = __ror__ = __invert__ = __bool__ = _no_condition

    def __repr__(self) -> str:
        return f"F({self.path!r})"


def _joined(name: str, one: Condition, other: Condition) -> Condition:
    """Both under one operator; what is joined by the same already is not nested."""
    return Condition({name: [*_parts(name, one), *_parts(name, other)]})


def _parts(name: str, condition: Condition) -> list[object]:
    parts = condition.get(name)
    return parts if len(condition) == 1 and isinstance(parts, list) else [dict(condition)]


def _condition(value: object) -> Condition:
    """The other side of & or |: a condition, or a filter as a mapping."""
    if isinstance(value, Condition):
        return value
    if isinstance(value, Mapping):
        return Condition(value)
    raise TypeError(f"conditions are joined with conditions, not with {value!r:.80}; parentheses are missing")


def _listed(values: Iterable[Value]) -> list[Value]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidRequest(f"a list of values is wanted, not {values!r:.80}", code=CODE)
    return list(values)


def _time(time: str | date) -> str:
    if (
        isinstance(time, datetime) and time.utcoffset() is None
    ):  # Python takes it for local time, the server for UTC
        raise InvalidRequest("a datetime without its offset from UTC names no moment", code=CODE)
    return time.isoformat() if isinstance(time, date) else time


def _plain(value: object) -> object:
    """Values as JSON has them, as far as they are numpy's or conditions' own."""
    if isinstance(value, F):
        raise InvalidRequest(f"a field is compared with values, not with another field, {value!r}", code=CODE)
    if isinstance(value, np.generic | np.ndarray):
        return plain(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
