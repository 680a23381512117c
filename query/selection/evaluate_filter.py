"""A filter evaluated over rows of a part, alive or not: by columns where they decide, else by payloads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView
from asteroid_cloud.query.filters.filter import Filter
from asteroid_cloud.query.selection.bitmaps import Bits, pack
from asteroid_cloud.query.selection.column_filter import filter_by_columns
from asteroid_cloud.query.selection.documents import NO_FIELDS, decoded
from asteroid_cloud.query.work import UNBOUNDED, Work


def evaluate(view: PartView, filter: Filter, start: int, stop: int, work: Work = UNBOUNDED) -> Bits:
    """The bitmap of rows ``start`` to before ``stop``; row ``start`` is its bit 0.

    The columns of the part decide where they can; only the payloads of the other rows are read. Raises what
    ``work`` does.
    """
    fields = view.part.fields
    if fields is None:
        return pack(matches_at(view, filter, np.arange(start, stop, dtype=np.uint32), work))
    certain, possible = filter_by_columns(filter.root, fields, work)
    flags = certain[start:stop].copy()
    is_open = possible[start:stop] & ~flags
    if is_open.any():
        left = np.flatnonzero(is_open)
        flags[left] = matches_at(view, filter, (left + start).astype(np.uint32), work)
    return pack(flags)


def matches_at(view: PartView, filter: Filter, ordinals: NDArray[np.uint32], work: Work) -> NDArray[np.bool_]:
    """Whether the payload of each row matches, decided on the payloads; raises what ``work`` does."""
    matches, without_payload = filter.matches, filter.matches({})
    flags, first = np.zeros(len(ordinals), np.bool_), 0
    for documents in decoded(view, ordinals, filter.roots, work, filter.cost_of):
        flags[first : first + len(documents)] = [
            without_payload if document is NO_FIELDS else matches(document) for document in documents
        ]
        first += len(documents)
    return flags
