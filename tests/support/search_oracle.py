"""Groups, diverse hits and examples, worked out in plain Python from the distances of all rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Ranked = Sequence[tuple[float, Any]]
"""Every row that may be answered, as (distance, id), in order."""


def value_in(document: Any, path: Sequence[str]) -> Any:
    """The value at a path through objects; None where there is none."""
    for step in path:
        document = document.get(step) if isinstance(document, dict) else None
    return document


def grouped(
    ranked: Ranked, values: Mapping[Any, Any], k: int, size: int, offset: int = 0
) -> list[tuple[Any, list[Any]]]:
    """(value, ids) of each group; ``values`` has that of each id."""
    groups: dict[Any, list[Any]] = {}
    for _, id in ranked:
        value = values.get(id)
        if isinstance(value, bool):
            groups.setdefault(("bool", value), []).append(id)
        elif isinstance(value, str | int | float):
            groups.setdefault(value, []).append(id)
    whole = [(key[1] if isinstance(key, tuple) else key, ids) for key, ids in groups.items()]
    return [(value, ids[:size]) for value, ids in whole[offset : offset + k]]


def score(distance: float, metric: str) -> float:
    """As the contract says it."""
    return {"l2": 1 / (1 + distance) if metric == "l2" else 0, "cosine": 1 - distance, "ip": -distance}[
        metric
    ]


def likeness(one: Sequence[float], other: Sequence[float], metric: str) -> float:
    """The score of two vectors for each other."""
    if metric == "l2":
        return 1 / (1 + math.dist(one, other))
    product = math.fsum(x * y for x, y in zip(one, other, strict=True))
    if metric == "ip":
        return product
    lengths = math.hypot(*one) * math.hypot(*other)
    return product / lengths if lengths else 0.0


def worth(
    place: int,
    chosen: Sequence[int],
    ranked: Ranked,
    vectors: Mapping[Any, Sequence[float]],
    weight: float,
    metric: str,
) -> float:
    """What maximal marginal relevance makes of a candidate after some were chosen."""
    alike = [likeness(vectors[ranked[place][1]], vectors[ranked[each][1]], metric) for each in chosen]
    return weight * score(ranked[place][0], metric) - (1 - weight) * (max(alike) if alike else 0)


def is_diverse(
    found: Sequence[Any],
    ranked: Ranked,
    vectors: Mapping[Any, Sequence[float]],
    k: int,
    weight: float,
    candidates: int,
    metric: str,
) -> bool:
    """Whether these ids are a choice that maximal marginal relevance makes, but for ties within rounding."""
    ranked = ranked[:candidates]
    places = {id: place for place, (_, id) in enumerate(ranked)}
    if len(found) != min(k, len(ranked)) or len(set(found)) != len(found) or not places.keys() >= set(found):
        return False
    chosen: list[int] = []
    for id in found:
        left = [place for place in range(len(ranked)) if place not in chosen]
        values = {place: worth(place, chosen, ranked, vectors, weight, metric) for place in left}
        if values[places[id]] < max(values.values()) - 1e-6 * (1 + abs(max(values.values()))):
            return False
        chosen.append(places[id])
    return True


def recommended(
    positive: Sequence[Sequence[float]], negative: Sequence[Sequence[float]], metric: str
) -> list[float]:
    """mean(positive) + (mean(positive) − mean(negative)), of unit vectors under cosine."""

    def mean(vectors: Sequence[Sequence[float]]) -> list[float]:
        if metric == "cosine":
            vectors = [[x / (math.hypot(*each) or 1) for x in each] for each in vectors]
        return [math.fsum(column) / len(vectors) for column in zip(*vectors, strict=True)]

    liked = mean(positive)
    if not negative:
        return liked
    return [x + (x - y) for x, y in zip(liked, mean(negative), strict=True)]
