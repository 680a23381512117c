"""By what a walk is ordered: a payload field, and where in this order a row stands.

Numbers stand first, then strings by code point, then booleans; turned round for a descending order. All
other rows stand last in either direction: those with null, an array, an object, or nothing at all. Rows with
the same value are in the order of their ids, which is never turned round.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from asteroid_cloud.query.filters.paths import Path, field_path
from asteroid_cloud.wal.errors import InvalidRequest

KINDS = ("number", "string", "boolean")
"""Of values that are ordered, in ascending order."""
OTHERS = len(KINDS)
"""The rank of all other rows."""
CODE = "bad_order_by"

Value = int | float | str | bool | None


class OrderBy(msgspec.Struct, frozen=True):
    """A field, and the direction."""

    path: Path
    is_descending: bool = False

    @property
    def key(self) -> bytes:
        """Names the order in cursors."""
        return msgspec.json.encode([self.path, self.is_descending])

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of values by their ranks."""
        return KINDS[::-1] if self.is_descending else KINDS

    def rank_of(self, value: Any) -> int:
        """The rank of a decoded value: 0 for those that stand first."""
        kind = type(value)
        if kind is int or kind is float:
            return self.kinds.index("number")
        if kind is str:
            return self.kinds.index("string")
        return self.kinds.index("boolean") if kind is bool else OTHERS

    def is_after(self, one: Any, other: Any) -> bool:
        """Whether a value stands after another one of its kind."""
        return bool(one < other if self.is_descending else one > other)


class Position(NamedTuple):
    """Where a row stands."""

    rank: int
    value: Value
    """None for the other rows."""
    id: Any
    """As the index has its ids."""

    def precedes(self, rank: int, value: Any, id: Any, order: OrderBy) -> bool:
        """Whether a row with this value and id comes later."""
        if rank != self.rank:
            return rank > self.rank
        if rank == OTHERS or value == self.value:
            return bool(id > self.id)
        return order.is_after(value, self.value)


def order_by(asked: object) -> OrderBy | None:
    """The order that a request asks for, None for that of ids; raises InvalidRequest ``bad_order_by``."""
    if asked is None:
        return None
    if not isinstance(asked, Mapping) or not {"field"} <= asked.keys() <= {"field", "direction"}:
        raise InvalidRequest('order_by must be an object with "field" and perhaps "direction"', code=CODE)
    direction = asked.get("direction", "asc")
    if direction not in ("asc", "desc"):
        raise InvalidRequest(f'direction must be "asc" or "desc", not {direction!r:.80}', code=CODE)
    return OrderBy(field_path(asked["field"], "order_by.field", code=CODE), direction == "desc")
