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
from asteroid_cloud.query.filters.paths import MalformedPath, Path, parse_path
from asteroid_cloud.query.filters.payload_matcher import MISSING
from asteroid_cloud.query.limits import FIELD_BYTES_MAX
from asteroid_cloud.query.selection.documents import decoded
from asteroid_cloud.query.selection.filter_cache import FilterCache
from asteroid_cloud.query.selection.matching_rows import ordinals_of
from asteroid_cloud.query.work import Work
from asteroid_cloud.wal.errors import InvalidRequest


def field_path(field: object, name: str = "field", *, code: str = "bad_field") -> Path:
    """The path that a text says, ``a.b`` for b in a; raises InvalidRequest with this code.

    ``name`` is what the request calls it, for the error.
    """
    try:
        size = len(field.encode()) if isinstance(field, str) else 0
    except UnicodeEncodeError:  # half of a surrogate pair
        size = 0
    if not 1 <= size <= FIELD_BYTES_MAX or not isinstance(field, str):
        raise InvalidRequest(f"{name} must be a path of 1 to {FIELD_BYTES_MAX} bytes", code=code)
    try:
        return parse_path(field)
    except MalformedPath as error:
        raise InvalidRequest(f"{name} {field!r:.80}: {error}", code=code) from error


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
                yield [_at(document, path) for document in some]


def _at(document: Any, path: Path) -> Any:
    for step in path:
        if type(document) is not dict:
            return MISSING
        document = document.get(step, MISSING)
    return document


def canonical_number(value: Any) -> Any:
    """Of 1 and 1.0, which are one value, always the integer, whichever record was read first."""
    return int(value) if type(value) is float and abs(value) < 2**63 and value.is_integer() else value
