"""The server as a whole: what a key may do."""

from __future__ import annotations

from asteroid_cloud.client.results.answer import Answer


class KeyInfo(Answer, frozen=True):
    """What a key may do."""

    name: str | None
    """None for a key without a name, and where no key is asked for."""
    role: str
    """Each of "read", "write" and "admin" may do what those before it may."""
    collections: list[str] | None
    """The collections or aliases that it is limited to; None for all."""
