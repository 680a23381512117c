"""How a search was done, for who asks: what was chosen for each part, and how long it took."""

from __future__ import annotations

from typing import Annotated

import msgspec

COMPLETE = (
    "Speaks of the number of hits: none is missing for want of looking, so all `min(k, matches)` were found "
    "before `max_distance` left out any. It does not say that they are the nearest; `error_bound` does, and "
    "`POST /v1/recall`."
)
ERROR_BOUND = (
    "By how much a row is nearer than the last hit that a walk measured by the first byte of each value, and "
    "left out. 0 when there is none, and when every match was measured. Vectors that a walk never met are "
    "not covered; `POST /v1/recall` tells of them."
)


class PartChoice(msgspec.Struct, frozen=True):
    """What was decided for one part, and on what grounds; the ``explain`` of a search lists them."""

    rows: int
    live: int
    matches: int
    method: str
    """``scan``, ``walk`` or ``skip`` (nothing matches)."""
    reason: str


class HitRanks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a hit of a fused search stands in each list, from 1; absent where it is not in it."""

    vector: int | None = None
    text: int | None = None


class TextExplain(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the words of a search were looked for."""

    words: list[str]
    """Those of the query, before they are stemmed."""
    matches: int
    """Rows that have the words that they need."""
    candidates: int
    """Of these, the best, which came into the answer or its fusion."""
    postings: int
    """Places in the index that were looked at."""
    search_ms: float
    fusion_ms: float = 0.0
    ranks: list[HitRanks] | None = None
    """Of each hit, in a search by a vector too."""


class Explain(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a search was done; searches of a batch that were done together share plan and times."""

    parts: list[PartChoice]
    matches: int
    visited: int
    """Rows measured for this search."""
    rescanned: int
    """Parts that were scanned after their graph's walk had found too few."""
    complete: Annotated[bool, msgspec.Meta(description=COMPLETE)]
    error_bound: Annotated[float, msgspec.Meta(description=ERROR_BOUND)]
    plan_ms: float
    """Evaluating the filter and choosing."""
    search_ms: float
    fetch_ms: float
    text: TextExplain | None = None
    """In a search by words."""
