"""Long lists of values in a filter, looked up in the columns of one path together."""

from __future__ import annotations

from collections.abc import Callable

from asteroid_cloud.indexer import Column
from asteroid_cloud.query.costs import NODE
from asteroid_cloud.query.filters.value_list import ValueList
from asteroid_cloud.query.selection.column_verdicts import Verdict
from asteroid_cloud.query.work import Work


def mark_many(
    values: ValueList, column_of: Callable[[str], Column | None], work: Work, into: Verdict
) -> None:
    """Marks the rows with one of the numbers and strings of a list as certain, or only as possible.

    ``column_of`` gives the column of a kind. Raises what ``work`` does.
    """
    work.spend(len(values.numbers) * NODE)
    column = column_of("number") if len(values.numbers) else None
    if column is not None:
        column.mark_numbers(values.numbers, into.certain, into.possible)
    work.spend(len(values.texts) * NODE)
    column = column_of("string") if len(values.texts) else None
    if column is not None:
        column.mark_texts(values.texts, into.certain, into.possible)
