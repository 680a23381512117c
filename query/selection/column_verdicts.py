"""What columns can say of a filter: which rows match for certain, and which may.

The pairs have an algebra of their own: the complement of (certain, possible) is (not possible, not certain).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
"""One for each row of a segment."""


class Verdict(NamedTuple):
    """The rows that match for certain, and those that may; every certain row is possible too."""

    certain: Flags
    possible: Flags

    def inverted(self) -> Verdict:
        """The verdict on the complement."""
        return Verdict(~self.possible, ~self.certain)


def joined(join: np.ufunc, parts: Iterable[Verdict], rows: int, *, empty: bool) -> Verdict:
    """All parts joined, one at a time: a thousand of them together would be a gigabyte in a large segment."""
    joined = Verdict(np.full(rows, empty), np.full(rows, empty))
    for certain, possible in parts:
        join(joined.certain, certain, out=joined.certain)
        join(joined.possible, possible, out=joined.possible)
    return joined
