"""Hits that are near the query and unlike each other: maximal marginal relevance.

Of the candidates, the nearest matches, one after the other is chosen: each time the one with the greatest
``weight · score − (1 − weight) · likeness``, where likeness is the highest score that it has for one of those
chosen before. The first is the nearest, and of equal ones the nearer is taken.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.knn.scores import Scores
from asteroid_cloud.query.limits import DIVERSITY_CANDIDATES_MAX
from asteroid_cloud.query.work import Work
from asteroid_cloud.wal.errors import InvalidRequest

CODE = "bad_diversity"
CANDIDATES_A_HIT, CANDIDATES_MIN = 4, 40
"""Of a search that does not say how many."""
COMPONENT_COST = 4
"""What one number of a vector costs that is compared here, in numbers measured by a scan."""


class Diversity(msgspec.Struct, frozen=True):
    """How much hits should differ."""

    weight: float = 0.5
    """The ``lambda`` of requests: 1 for nearness alone, 0 for difference alone."""
    candidates: int | None = None
    """Nearest matches to choose among; None for four times ``k``, 40 at least."""

    def among(self, k: int) -> int:
        """How many candidates there are for ``k`` hits."""
        if self.candidates is not None:
            return self.candidates
        return max(k, min(max(CANDIDATES_A_HIT * k, CANDIDATES_MIN), DIVERSITY_CANDIDATES_MAX))

    def check(self, k: int) -> None:
        """Raises InvalidRequest ``bad_diversity``."""
        if not (math.isfinite(self.weight) and 0 <= self.weight <= 1):
            raise InvalidRequest("diversity.lambda must be a number from 0 to 1", code=CODE)
        candidates = self.among(k)
        if not k <= candidates <= DIVERSITY_CANDIDATES_MAX:
            raise InvalidRequest(
                f"diversity.candidates must be an integer from k to {DIVERSITY_CANDIDATES_MAX}, and k be at "
                f"most that; here k is {k}, candidates {candidates}",
                code=CODE,
                limit=DIVERSITY_CANDIDATES_MAX,
            )


def cost_of_choosing(k: int, candidates: int, dim: int) -> float:
    """What it costs to choose ``k`` of some candidates."""
    return k * candidates * dim * COMPONENT_COST


def chosen(
    vectors: NDArray[np.float32], scores: Scores, k: int, diversity: Diversity, spec: IndexSpec, work: Work
) -> NDArray[np.uint32]:
    """The places of the candidates that are chosen, at most ``k``, in the order of choice.

    ``vectors`` is float32 [n, dim], ``scores`` float64 [n], descending.
    """
    with work.in_core() as allowance:
        return core.most_diverse(
            vectors, scores, k, diversity.weight, spec.native_metric, COMPONENT_COST, allowance
        )
