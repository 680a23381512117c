"""The rows that a segment is built from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.part import Part

SLICE_ROWS = 4096
"""Rows that are copied at a time."""


class Abandoned(Exception):
    """The segment is no longer wanted: the index was deleted, or the engine is closing."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one part that go into a segment."""

    part: Part
    ordinals: NDArray[np.uint32]

    def slices(self, is_wanted: Callable[[], bool]) -> Iterator[tuple[Keys, NDArray[np.uint8]]]:
        """Ids and quantised rows, some at a time; raises Abandoned once ``is_wanted()`` is false."""
        native = self.part.native
        for start in range(0, len(self.ordinals), SLICE_ROWS):
            if not is_wanted():
                raise Abandoned
            some = self.ordinals[start : start + SLICE_ROWS]
            yield native.ids(some), native.encoded(some)
