"""The values of a payload field: its path, and what each row that matches has there.

A value is a string, a number, a boolean or null; of an array, each distinct element of these kinds counts
once a row. Objects, and arrays within arrays, are no values, but the row has the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asteroid_cloud.indexer import Snapshot
from asteroid_cloud.query.costs import PAYLOAD_BYTE, RECORD, VALUE_BYTE
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.filters.paths import Path
from asteroid_cloud.query.selection.documents import decoded, value_at
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import ordinals_of
from asteroid_cloud.query.work import Work


def cost_of_values(payloads: int, size: int) -> float:
    """What it costs to decode payloads and look at the values of a field."""
    return payloads * RECORD + size * (PAYLOAD_BYTE + VALUE_BYTE)


def column(
    snapshot: Snapshot, cache: FilterCache, path: Path, filter: Filter, work: Work
) -> Iterator[list[Any]]:
    """The value at the path in each row that matches, or MISSING, some rows at a time."""
    roots = frozenset(path[:1])
    for view in snapshot.parts:
        for ordinals in ordinals_of(view, filter, cache, work):
            for some in decoded(view, ordinals, roots, work, cost_of_values):
                yield [value_at(document, path) for document in some]


def canonical_number(value: Any) -> Any:
    """Of 1 and 1.0, which are one value, always the integer, whichever record was read first."""
    return int(value) if type(value) is float and abs(value) < 2**63 and value.is_integer() else value
