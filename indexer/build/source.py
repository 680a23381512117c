"""The rows that a segment is built from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.part import Part

IsWanted = Callable[[], bool]
"""Whether a segment under construction is still wanted; for any thread."""
SLICE_ROWS = 4096
"""Rows that are copied at a time."""


class Abandoned(Exception):
    """The segment is no longer wanted: the index was deleted, or the engine is closing."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one part that go into a segment."""

    part: Part
    ordinals: NDArray[np.uint32]
    first_place: int | None = None
    """Where rows are called by their places: that of the first row. See ``names``."""

    def keys(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint64]:
        """What these rows are called while the segment is built."""
        stop = len(self.ordinals) if stop is None else min(stop, len(self.ordinals))
        if self.first_place is not None:
            return np.arange(self.first_place + start, self.first_place + stop, dtype=np.uint64)
        return self.part.native.ids(self.ordinals[start:stop])

    def slices(self, is_wanted: IsWanted) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint8]]]:
        """Keys and quantised rows, some at a time; raises Abandoned once ``is_wanted()`` is false."""
        native, check_wanted = self.part.native, check_of(is_wanted)
        for start in range(0, len(self.ordinals), SLICE_ROWS):
            check_wanted()
            some = self.ordinals[start : start + SLICE_ROWS]
            yield self.keys(start, start + SLICE_ROWS), native.encoded(some)


def split(sources: Sequence[Source]) -> tuple[list[Source], list[Source]]:
    """The same rows as sources of rows that have vectors, and sources of rows that have none."""
    linked, bare = [], []
    for source in sources:
        if not source.part.bare_rows:
            linked.append(source)
            continue
        flags = source.part.has_vectors(source.ordinals)
        linked.append(Source(source.part, source.ordinals[flags]))
        bare.append(Source(source.part, source.ordinals[~flags]))
    return [each for each in linked if len(each.ordinals)], [each for each in bare if len(each.ordinals)]


def rows_of(sources: Sequence[Source]) -> int:
    """The rows of all of them."""
    return sum(len(source.ordinals) for source in sources)


def check_of(is_wanted: IsWanted) -> Callable[[], None]:
    """Raises Abandoned once it is false."""

    def check_wanted() -> None:
        if not is_wanted():
            raise Abandoned

    return check_wanted
