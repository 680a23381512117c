"""How a search was done, for who asks: what was chosen for each part, and how long it took."""

from __future__ import annotations

import msgspec


class PartChoice(msgspec.Struct, frozen=True):
    """What was decided for one part, and on what grounds; the ``explain`` of a search lists them."""

    rows: int
    live: int
    matches: int
    method: str
    """``scan``, ``walk`` or ``skip`` (nothing matches)."""
    reason: str


class Explain(msgspec.Struct, frozen=True):
    """How a search was done; searches of a batch that were done together share plan and times."""

    parts: list[PartChoice]
    matches: int
    visited: int
    """Rows measured for this search."""
    rescanned: int
    """Parts that were scanned after their graph's walk had found too few."""
    complete: bool
    """Whether all ``min(k, matches)`` nearest were answered; ``max_distance`` alone makes them fewer."""
    plan_ms: float
    """Evaluating the filter and choosing."""
    search_ms: float
    fetch_ms: float
