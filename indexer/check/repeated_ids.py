"""Which ids are alive in more than one row: there must be none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.part import PartView

SLICE_ROWS = 4096


def repeated_numbers(views: Sequence[PartView]) -> list[int]:
    """Those of an index whose ids are integers; takes 8 bytes a row."""
    alive = [view.ids(_living(view)) for view in views]
    ids, counts = np.unique(np.concatenate([*alive, np.empty(0, np.uint64)]), return_counts=True)
    found: list[int] = ids[counts > 1].tolist()
    return found


def repeated_names(views: Sequence[PartView]) -> list[str]:
    """Those of an index whose ids are strings; each segment is looked at in pieces, in the others.

    A segment that opened holds each string once, so that only two segments can hold the same.
    """
    found = set[str]()
    for number, view in enumerate(views):
        living = _living(view)
        for first in range(0, len(living), SLICE_ROWS):
            names = view.ids(living[first : first + SLICE_ROWS])
            for other in views[number + 1 :]:
                found.update(names[other.find(names) >= 0].tolist())
    return sorted(found)


def _living(view: PartView) -> NDArray[np.uint32]:
    return np.arange(view.rows, dtype=np.uint32) if view.alive is None else listed(view.alive, view.rows)
