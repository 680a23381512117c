"""The numbers that the whole store speaks of, as types of their own."""

from __future__ import annotations

from typing import NewType

Lsn = NewType("Lsn", int)
"""A log sequence number: 1 for the first event ever logged, then dense. 0 is "before anything"."""
