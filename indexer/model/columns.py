"""What a filter may ask the columns of a part: which rows hold values of some range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.native import core

Flags = NDArray[np.bool_]
Ordinals = NDArray[np.uint32]
Groups = NDArray[np.int64]


class Column(Protocol):
    """The values of one path and one kind, in groups that are numbered from 0 in the order of their keys."""

    @property
    def is_exact(self) -> bool:
        """Whether a group holds one key; otherwise it holds what lies from its key to before the next one."""
        ...

    @property
    def key_bytes(self) -> int:
        """How many bytes of a string are its key: one of so many may be the beginning of a longer string."""
        ...

    @property
    def groups(self) -> int:
        """How many groups there are."""
        ...

    def key(self, group: int) -> float | bytes:
        """The key of a group: a double, or the beginning of a string as UTF-8."""
        ...

    def last_at_most(self, key: float | bytes) -> int:
        """The last group whose key is not above this one; -1 when all are."""
        ...

    def mark(self, flags: Flags, first: int, last: int) -> None:
        """Sets the flags of the rows in groups ``first`` to before ``last``."""
        ...

    def rows(self, first: int, last: int) -> Iterator[tuple[Ordinals, Groups]]:
        """The rows in groups ``first`` to before ``last``, some at a time, with the group of each."""
        ...

    def mark_numbers(self, keys: NDArray[np.float64], certain: Flags, possible: Flags) -> None:
        """Sets the flags of the rows with one of many numbers, each given once, in ascending order.

        ``certain`` gets those that equal it for certain, ``possible`` those that may.
        """
        ...

    def mark_texts(self, texts: core.TextList, certain: Flags, possible: Flags) -> None:
        """The same of many strings."""
        ...

    def mark_alike(self, flags: Flags, group: int, text: bytes) -> None:
        """Sets the flags of a group's rows that may hold exactly this string."""
        ...


class Columns(Protocol):
    """All columns of one part."""

    @property
    def rows(self) -> int:
        """The rows of the part."""
        ...

    @property
    def unindexed(self) -> Flags | None:
        """Rows that the columns do not describe: only their payloads tell whether they match."""
        ...

    @property
    def has_dates(self) -> bool:
        """Whether dates and times without an offset have columns of the kind "date"."""
        ...

    def knows(self, path: tuple[str, ...]) -> bool:
        """Whether the columns tell everything about a path, if only that no row has it."""
        ...

    def paths(self) -> list[tuple[str, ...]] | None:
        """Every path that a row has, if the columns tell of all rows and kinds there; else None."""
        ...

    def column(self, path: tuple[str, ...], kind: str, is_element: bool = False) -> Column | None:
        """The column of a path, or of the elements of its arrays; None when no row has such a value.

        Raises KeyError when there was no room for this column.
        """
        ...
