"""The base of all results: a frozen struct that also reads like a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec

Payload = dict[str, object]


class Answer(msgspec.Struct, frozen=True):
    """Lets a struct be read as a mapping too."""

    def __getitem__(self, name: str) -> object:
        if name not in self.__struct_fields__:
            raise KeyError(name)
        return cast(object, getattr(self, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def keys(self) -> tuple[str, ...]:
        """The names of the fields."""
        return self.__struct_fields__
