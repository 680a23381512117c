"""Which fields payloads have: every path to a value, the kinds of values there, and how many rows have it.

Arrays are not entered. Where the columns of a segment tell of every path, no payload is read.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import Columns, PartView, Snapshot
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.costs import COLUMN, COLUMN_ROW
from asteroid_cloud.query.fields.values import cost_of_values
from asteroid_cloud.query.filters.paths import Path, path_text
from asteroid_cloud.query.limits import FIELDS_LISTED_MAX, FIELDS_TEXT_BYTES_MAX
from asteroid_cloud.query.selection.bitmaps import ordinals_in_steps
from asteroid_cloud.query.selection.documents import decoded
from asteroid_cloud.query.work import UNBOUNDED, Work
from asteroid_cloud.wal.errors import TooLarge

KINDS = ("null", "boolean", "number", "string", "array", "object")
"""In the order in which they are named."""
_KIND_OF = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_KIND_OF_TAG = {
    core.TAG_NULL: "null",
    core.TAG_FALSE: "boolean",
    core.TAG_TRUE: "boolean",
    core.TAG_ARRAY: "array",
    core.TAG_OBJECT: "object",
}


class FieldInfo(msgspec.Struct, frozen=True):
    """One path, escaped as paths are, the kinds of values there, and how many records have it."""

    path: str
    kinds: list[str]
    count: int


def field_list(snapshot: Snapshot, work: Work = UNBOUNDED) -> list[FieldInfo]:
    """Every field of the living records, in the order of paths; counts are exact.

    Raises TooLarge ``too_many_fields`` beyond FIELDS_LISTED_MAX paths, or FIELDS_TEXT_BYTES_MAX of them.
    """
    found = _Found()
    for view in snapshot.parts:
        if view.live:
            _add_part(found, view, work)
    return [
        FieldInfo(path_text(path), [kind for kind in KINDS if kind in kinds], sum(kinds.values()))
        for path, kinds in sorted(found.counts.items())
    ]


class _Found:
    """How many rows have a value of each kind, by path."""

    def __init__(self) -> None:
        self.counts: dict[Path, dict[str, int]] = {}
        self._text_bytes = 0

    def add(self, path: Path, kind: str, rows: int) -> None:
        """Counts rows; raises TooLarge."""
        kinds = self.counts.get(path)
        if kinds is None:
            self._text_bytes += sum(map(len, path))
            if len(self.counts) >= FIELDS_LISTED_MAX or self._text_bytes > FIELDS_TEXT_BYTES_MAX:
                raise TooLarge(
                    f"payloads have more than {FIELDS_LISTED_MAX} fields, or keys of {FIELDS_TEXT_BYTES_MAX} "
                    "characters",
                    code="too_many_fields",
                    limit=FIELDS_LISTED_MAX,
                )
            kinds = self.counts[path] = {}
        kinds[kind] = kinds.get(kind, 0) + rows

    def add_object(self, document: dict[str, Any], above: Path = ()) -> None:
        """Counts what one object holds; as deep as payloads may be."""
        for name, value in document.items():
            path = (*above, name)
            self.add(path, _KIND_OF[type(value)], 1)
            if type(value) is dict:
                self.add_object(value, path)


def _add_part(found: _Found, view: PartView, work: Work) -> None:
    columns = view.part.fields
    paths = None if columns is None else columns.paths()
    alive = None if view.alive is None else np.unpackbits(view.alive, count=view.rows, bitorder="little")
    flags = np.ones(view.rows, np.bool_) if alive is None else alive.view(np.bool_)
    if columns is None or paths is None:
        for ordinals in ordinals_in_steps(view.alive, view.rows):
            _add_payloads(found, view, ordinals, work)
        return
    if columns.unindexed is not None:
        _add_payloads(found, view, np.flatnonzero(flags & columns.unindexed).astype(np.uint32), work)
        flags = flags & ~columns.unindexed
    for path in paths:
        for kind, rows in _counted(columns, path, flags, work).items():
            if rows:
                found.add(path, kind, rows)


def _counted(columns: Columns, path: Path, alive: NDArray[np.bool_], work: Work) -> dict[str, int]:
    """How many living rows have a value of each kind at a path."""
    counts = dict.fromkeys(KINDS, 0)
    for kind in ("tag", "number", "string"):
        column = columns.column(path, kind)
        if column is None:
            continue
        work.spend(COLUMN)
        for group in range(column.groups) if kind == "tag" else (None,):
            first, last = (0, column.groups) if group is None else (group, group + 1)
            name = kind if group is None else _KIND_OF_TAG[float(column.key(group))]
            for ordinals, _ in column.rows(first, last):
                work.spend(len(ordinals) * COLUMN_ROW)
                counts[name] += int(np.count_nonzero(alive[ordinals]))
    return counts


def _add_payloads(found: _Found, view: PartView, ordinals: NDArray[np.uint32], work: Work) -> None:
    for documents in decoded(view, ordinals, None, work, cost_of_values):
        for document in documents:
            found.add_object(document)
