"""How one amount is divided among several: equally, but nobody gets more than is wanted."""

from __future__ import annotations

from collections.abc import Iterable


def fair_level(total: int, wants: Iterable[int]) -> int:
    """The level: all get what they want or the level, whichever is less, and together ``total`` at most.

    It is ``total`` when there is enough for all, and never less than an equal part: max-min fairness.
    """
    ascending = sorted(wants)
    left, sharers = total, len(ascending)
    for want in ascending:
        if want * sharers > left:
            return left // sharers
        left -= want
        sharers -= 1
    return total


def room_beside(total: int, others: Iterable[int]) -> int:
    """What one may use beside others that want so much each: what they leave, and at least an equal part."""
    return fair_level(total, [*others, total])
