"""How many payloads may be read at once: few of the large ones, which take as much as thousands of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import PartView


def rows_at_once(view: PartView, ordinals: NDArray[np.uint32], rows: int, large_max: int) -> int:
    """How many of the first ``rows`` of these have at most ``large_max`` large payloads; one at least."""
    if not view.part.has_large_payloads:
        return rows
    large = np.flatnonzero(view.part.large_payloads(ordinals[:rows]))
    return rows if len(large) <= large_max else max(1, int(large[large_max]))
