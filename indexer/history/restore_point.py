"""A point in the history of a store: what a restore goes back to."""

from __future__ import annotations

import msgspec


class Point(msgspec.Struct, frozen=True):
    """One of the three, or none for the newest state there is."""

    lsn: int | None = None
    time_ms: int | None = None
    """Milliseconds since 1970: the state after everything that was logged up to then."""
    tag: str | None = None
