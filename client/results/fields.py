"""What a payload field holds: the commonest values, the least and the greatest."""

from __future__ import annotations

from collections.abc import Iterable

from asteroid_cloud.client.results.answer import Answer


class FacetValue(Answer, frozen=True):
    """One value and how many vectors have it."""

    value: str | int | float | bool | None
    count: int


class Facets(Answer, frozen=True):
    """The commonest values of a payload field, the most frequent first, and what there is beside them."""

    values: list[FacetValue]
    distinct: int
    """How many different values there are, those not listed too."""
    rows: int
    rows_with_field: int
    rows_without_field: int
    lsn: int = 0


class FieldInfo(Answer, frozen=True):
    """A field that payloads have: its path, the kinds of values there, and how many vectors have it."""

    path: str
    """Escaped, as other calls take it."""
    kinds: list[str]
    """Of "null", "boolean", "number", "string", "array", "object"."""
    count: int


class FieldList(list[FieldInfo]):
    """The fields that payloads have, in the order of paths, and the LSN of the state that was read."""

    __slots__ = ("lsn",)

    def __init__(self, fields: Iterable[FieldInfo] = (), *, lsn: int = 0) -> None:
        super().__init__(fields)
        self.lsn = lsn


class Bounds(Answer, frozen=True):
    """The least and the greatest value of one kind, and how many vectors have any of it."""

    rows: int
    min: int | float | str
    max: int | float | str


class FieldRange(Answer, frozen=True):
    """The least and the greatest value of a payload field; None for a kind that there is none of."""

    numbers: Bounds | None
    strings: Bounds | None
    rows: int
    rows_with_field: int
    rows_without_field: int
    lsn: int = 0
