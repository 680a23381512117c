"""Long lists of values in a filter, looked up in the columns of one path together."""

from __future__ import annotations

from collections.abc import Callable

from asteroid_cloud.indexer import Column
from asteroid_cloud.query.costs import NODE
from asteroid_cloud.query.filters.tree import Literal
from asteroid_cloud.query.selection.column_keys import double, utf8
from asteroid_cloud.query.selection.column_verdicts import Flags
from asteroid_cloud.query.work import Work


def mark_many(
    literals: tuple[Literal, ...],
    column_of: Callable[[str], Column | None],
    work: Work,
    certain: Flags,
    possible: Flags,
) -> tuple[Literal, ...]:
    """Marks the rows with one of many numbers or strings; gives the literals of other kinds.

    ``column_of`` gives the column of a kind. Raises what ``work`` does.
    """
    numbers = {double(each) for each in literals if type(each) is int or type(each) is float}
    texts = {utf8(each) for each in literals if type(each) is str}
    for kind, keys in (("number", sorted(numbers)), ("string", sorted(texts))):
        work.spend(len(keys) * NODE)
        column = column_of(kind) if keys else None
        if column is not None:
            column.mark_equal(keys, certain, possible)
    return tuple(each for each in literals if type(each) not in (int, float, str))
