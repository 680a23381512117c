"""The values of a list in a filter by their kinds, as columns are asked for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.native import core

if TYPE_CHECKING:  # trees hold such lists
    from asteroid_cloud.query.filters.tree import Literal

_NUMBERS = frozenset((int, float))


class ValueList(msgspec.Struct, frozen=True, eq=False):
    """The values of a list, each once."""

    numbers: NDArray[np.float64]
    """The nearest double of each number, ascending."""
    texts: core.TextList
    """The strings."""
    others: tuple[Literal, ...]
    """Values of all other kinds, in their order."""


def value_list(literals: tuple[Literal, ...]) -> ValueList:
    """The list of some literals."""
    kinds = set(map(type, literals))
    numbers: tuple[Literal, ...] = ()
    if kinds & _NUMBERS:
        numbers = (
            literals if kinds <= _NUMBERS else tuple(each for each in literals if type(each) in _NUMBERS)
        )
    texts = [each for each in literals if isinstance(each, str)]
    others: tuple[Literal, ...] = ()
    if kinds - _NUMBERS - {str}:
        others = tuple(each for each in literals if type(each) not in (int, float, str))
    return ValueList(_doubles(numbers), core.TextList(texts), others)


def _doubles(numbers: tuple[Literal, ...]) -> NDArray[np.float64]:
    try:
        doubles = np.array(numbers, np.float64)
    except OverflowError:  # integers beyond every double
        doubles = np.array([double(each) for each in numbers if isinstance(each, int | float)], np.float64)
    return np.unique(doubles + 0.0)  # −0 is 0


def utf8(text: str) -> bytes:
    """The bytes that order as the text does; half a surrogate pair, which no payload has, has some too."""
    return text.encode("utf-8", "surrogatepass")


def double(number: int | float) -> float:
    """The nearest double."""
    try:
        return float(number) + 0.0  # −0 is 0
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
