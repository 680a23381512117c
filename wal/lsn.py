"""The numbers that the whole store speaks of, as types of their own."""

from __future__ import annotations

from typing import NewType

Lsn = NewType("Lsn", int)
"""A log sequence number: 1 for the first event ever logged, dense within a history, and never given out twice
in one store. 0 is "before anything"."""

BEFORE_ALL = Lsn(0)
"""The position before the first record."""
LSN_MAX = 2**53 - 1
"""The greatest LSN: every JSON reader can tell it from its neighbours."""
HISTORY_LSNS = 2**40
"""Each history but the first begins with a multiple of this."""
