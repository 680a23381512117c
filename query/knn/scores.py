"""Scores of hits: what a distance says, turned so that higher is better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


def scores_of(distances: NDArray[np.float64], metric: str) -> Scores:
    """``1 - distance`` under cosine, the product under ip, ``1 / (1 + distance)`` under l2.

    They descend where distances ascend. None is a NaN, and 0 has no sign.
    """
    if metric == "cosine":
        return 1.0 - distances
    if metric == "ip":
        return 0.0 - distances
    return 1.0 / (1.0 + distances)
