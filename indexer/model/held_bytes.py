"""How a read tells its caller what it is about to hold in memory, so that the caller can bound it."""

from __future__ import annotations

from collections.abc import Callable

TakeBytes = Callable[[int], None]
"""Called with the bytes of some texts or vectors before they are held; it raises when they are too many."""


def unbounded(size: int) -> None:
    """Lets a read hold whatever it finds."""
