"""Groups of hits by the value of a payload field: what is asked, and what is answered.

A value is a string, a number or a boolean, and 1 is 1.0. Rows with anything else at the path, null, an array
or an object, are in no group, like those with nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import msgspec

from asteroid_cloud.query.fields.values import canonical_number
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.filters.paths import Path
from asteroid_cloud.query.filters.tree import Among, And, Compare, Field, Or
from asteroid_cloud.query.limits import GROUPED_HITS_MAX, K_MAX, OFFSET_MAX
from asteroid_cloud.wal.errors import InvalidRequest

CODE = "bad_group_by"
HITS_AT_FIRST = 32
"""Hits that are looked at for groups at first, at least."""
HITS_A_MEMBER = 2
"""The same for each hit that is wanted."""
DEPTH_MAX = K_MAX + OFFSET_MAX
"""Hits that are looked at in one round, at most."""

Value = str | int | float | bool
Key = str | int | float | tuple[bool]
"""A value as a dictionary tells it apart: for Python, true is 1."""


class Group(msgspec.Struct, frozen=True):
    """One group of an answer: its value, and which of the answer's rows it has."""

    value: Value
    start: int
    stop: int


class GroupBy(msgspec.Struct, frozen=True):
    """The field, and how many hits a group has at most."""

    path: Path
    size: int = 1

    def check(self, k: int, *, has_diversity: bool) -> None:
        """Raises InvalidRequest ``bad_group_by``."""
        if has_diversity:
            raise InvalidRequest("group_by and diversity do not go together", code=CODE)
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise InvalidRequest("group_by.size must be an integer from 1 on", code=CODE)
        if k * self.size > GROUPED_HITS_MAX:
            raise InvalidRequest(
                f"k times group_by.size is at most {GROUPED_HITS_MAX}, here {k} times {self.size}",
                code=CODE,
                limit=GROUPED_HITS_MAX,
            )

    def first_depth(self, offset: int, k: int) -> int:
        """Hits to be looked at in the first round."""
        return min(max(HITS_A_MEMBER * (offset + k * self.size), HITS_AT_FIRST), DEPTH_MAX)

    def having_value(self, filter: Filter) -> Filter:
        """The rows that a filter matches and that are in a group."""
        has_value = Or(
            (
                Field(self.path, Compare("$gte", "")),
                Field(self.path, Compare("$gte", -inf)),
                Field(self.path, Among((False, True))),
            )
        )
        return Filter(has_value if filter.matches_all else And((filter.root, has_value)))

    def having_one_of(self, keys: Iterable[Key]) -> Filter:
        """The rows of these groups."""
        return Filter(Field(self.path, Among(tuple(map(value_of, keys)))))


def key_of(value: Value) -> Key:
    """The group that a value belongs to."""
    return (value,) if type(value) is bool else value


def value_of(key: Key) -> Value:
    """The value of a group, as answers have it: of 1 and 1.0 always the integer."""
    return key[0] if isinstance(key, tuple) else canonical_number(key)
