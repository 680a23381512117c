"""The catalog: the collections of a store by name, and the aliases. It never changes; a change makes another.

Collections and aliases share one name space, in which ``default`` is always taken. An alias names a
collection, never another alias.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from asteroid_cloud.indexer.catalog.entry import CatalogEntry
from asteroid_cloud.indexer.limits import ALIASES_MAX
from asteroid_cloud.wal.disk import DEFAULT
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, NotFound

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def checked_collection_name(name: object) -> str:
    """A name that a collection or an alias may have; raises InvalidRequest ``bad_collection_name``."""
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise InvalidRequest(
            "a collection's name has 1 to 63 lower-case letters, digits, dashes and underscores, "
            f"and begins with a letter or digit; {name!r:.80} is none",
            code="bad_collection_name",
        )
    return name


def no_collection(name: object) -> NotFound:
    """The error for a name that neither a collection nor an alias has."""
    return NotFound(f"there is no collection {name!r:.80}", code="no_collection")


class Catalog:
    """The names of a store. Its methods that change something give the catalog that is to replace it."""

    def __init__(self, entries: Iterable[CatalogEntry] = (), aliases: Iterable[tuple[str, str]] = ()) -> None:
        """``aliases`` are pairs of an alias and its collection."""
        self.entries = MappingProxyType(
            {entry.name: entry for entry in sorted(entries, key=lambda e: e.name)}
        )
        """The collections beside ``default``, by name."""
        self.aliases = MappingProxyType(dict(sorted(aliases)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Catalog):
            return NotImplemented
        return (self.entries, self.aliases) == (other.entries, other.aliases)

    def __hash__(self) -> int:
        raise TypeError("a catalog is not hashed")

    def __repr__(self) -> str:
        return f"Catalog({list(self.entries.values())}, {list(self.aliases.items())})"

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the collections."""
        return frozenset(entry.id for entry in self.entries.values())

    def has_collection(self, name: str) -> bool:
        """Whether a collection has the name, which may be ``default``."""
        return name == DEFAULT or name in self.entries

    def resolve(self, name: str) -> str:
        """The collection that a name or alias leads to; raises NotFound ``no_collection``."""
        target = self.aliases.get(name, name)
        if not self.has_collection(target):
            raise no_collection(name)
        return target

    def check_free(self, name: str, collections_max: int) -> None:
        """Whether a collection of the name can be added.

        Raises InvalidRequest ``bad_collection_name``, Conflict ``name_taken`` or ``too_many_collections``.
        """
        checked_collection_name(name)
        self._check_not_taken(name)
        if len(self.entries) >= collections_max:
            raise Conflict(
                f"there are {len(self.entries):,} collections, and collections_max is {collections_max:,}",
                code="too_many_collections",
                limit=collections_max,
            )

    def with_entry(self, entry: CatalogEntry) -> Catalog:
        """With one more collection; raises Conflict ``name_taken``, InvalidRequest."""
        checked_collection_name(entry.name)
        self._check_not_taken(entry.name)
        return Catalog([*self.entries.values(), entry], self.aliases.items())

    def without(self, name: str) -> Catalog:
        """Without a collection and its aliases; of ``default`` only the aliases go."""
        kept = [entry for entry in self.entries.values() if entry.name != name]
        return Catalog(kept, ((alias, to) for alias, to in self.aliases.items() if to != name))

    def with_alias(self, alias: str, name: str) -> Catalog:
        """With an alias that leads to the collection ``name``, wherever it led before.

        Raises InvalidRequest ``bad_collection_name``, NotFound ``no_collection`` also for an alias as
        ``name``, Conflict ``name_taken`` where a collection has the name, or ``too_many_aliases``.
        """
        checked_collection_name(alias)
        if not self.has_collection(checked_collection_name(name)):
            raise no_collection(name)
        if self.has_collection(alias):
            raise Conflict(f"there is a collection {alias}", code="name_taken")
        if alias not in self.aliases and len(self.aliases) >= ALIASES_MAX:
            raise Conflict(f"there are {ALIASES_MAX:,} aliases", code="too_many_aliases", limit=ALIASES_MAX)
        return Catalog(self.entries.values(), {**self.aliases, alias: name}.items())

    def without_alias(self, alias: str) -> Catalog:
        """Without an alias; the same if there is none of that name."""
        return Catalog(self.entries.values(), (pair for pair in self.aliases.items() if pair[0] != alias))

    def _check_not_taken(self, name: str) -> None:
        if name in self.aliases:
            raise Conflict(f"{name} is an alias of {self.aliases[name]}", code="name_taken")
        if self.has_collection(name):
            raise Conflict(f"there is a collection {name}", code="name_taken")
