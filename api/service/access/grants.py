"""What a caller may do, and with which collections."""

from __future__ import annotations

from typing import Literal

import msgspec

from asteroid_cloud.wal.errors import Forbidden

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = ("read", "write", "admin")
"""Each may do what those before it may."""


class Grant(msgspec.Struct, frozen=True):
    """What one key allows."""

    name: str | None = None
    """None for a key without a name, and where no key is asked for."""
    role: Role = "admin"
    collections: tuple[str, ...] | None = None
    """The names, of collections or aliases, that it is limited to; None for all."""

    def sees(self, name: str) -> bool:
        """Whether it is for the collection or alias of that name."""
        return self.collections is None or name in self.collections

    def check_role(self, needed: str) -> None:
        """Raises Forbidden unless it may do what needs that role."""
        if needed != "open" and ROLES.index(self.role) < ROLES.index(needed):
            raise Forbidden(f"this needs the role {needed}, the key has {self.role}", role=self.role)

    def check_sees(self, name: str) -> None:
        """Raises Forbidden unless it is for the collection or alias of that name."""
        if not self.sees(name):
            raise Forbidden(f"the key is not for {name!r:.80}, only for {', '.join(self.collections or ())}")

    def check_unlimited(self) -> None:
        """Raises Forbidden when it is limited to some collections."""
        if self.collections is not None:
            raise Forbidden("this speaks of all collections, and the key is limited to some")


EVERYTHING = Grant()
"""Of a key that is not limited, and of everybody where no key is asked for."""
