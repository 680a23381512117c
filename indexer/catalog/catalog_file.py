"""The file ``catalog`` at the root of a store; see FORMAT.md. It is written as a whole, or not at all."""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.catalog.catalog import NAME, Catalog
from asteroid_cloud.indexer.catalog.entry import ID, CatalogEntry
from asteroid_cloud.indexer.checkpoint.manifest import HEADER, checked_file, unchecked
from asteroid_cloud.indexer.limits import CATALOG_BYTES_MAX
from asteroid_cloud.wal.disk import DEFAULT, Files, StoreLayout, read_small, write_atomic
from asteroid_cloud.wal.errors import CorruptionError, UnsupportedVersion

MAGIC = b"ASTRCAT1"
VERSION = 1
FEATURES_KNOWN: frozenset[str] = frozenset()
"""What a reader must know to read the catalog rightly, and this program does."""


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    collections: list[CatalogEntry]
    aliases: list[tuple[str, str]]
    features: list[str] = []


def read_catalog(files: Files, layout: StoreLayout) -> Catalog | None:
    """The catalog of a store; None when it has no file. Raises CorruptionError or UnsupportedVersion."""
    if not files.exists(layout.catalog):
        return None
    return decode_catalog(layout.catalog, read_small(files, layout.catalog, CATALOG_BYTES_MAX))


def decode_catalog(path: str, data: bytes) -> Catalog:
    """A catalog file's contents, checked; raises CorruptionError or UnsupportedVersion."""
    body = unchecked(path, MAGIC, data, VERSION)
    try:
        found = msgspec.msgpack.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptionError(path, HEADER.size, f"the catalog does not decode: {error}") from error
    unknown = ", ".join(sorted(set(found.features) - FEATURES_KNOWN))
    if unknown:
        raise UnsupportedVersion(f"{path} uses features that this program does not know: {unknown}")
    return _checked(path, found)


def encode_catalog(catalog: Catalog) -> bytes:
    """The contents of the file."""
    body = _Body(collections=list(catalog.entries.values()), aliases=list(catalog.aliases.items()))
    return checked_file(MAGIC, msgspec.msgpack.encode(body), VERSION)


def write_catalog(files: Files, layout: StoreLayout, catalog: Catalog) -> None:
    """Makes the catalog durable and the one that counts, atomically; raises NoSpace, StorageError."""
    write_atomic(files, layout.catalog, encode_catalog(catalog))


def _checked(path: str, found: _Body) -> Catalog:
    """The catalog, if a program of this kind can have written it."""
    entries, names = found.collections, {entry.name for entry in found.collections}
    if len({entry.id for entry in entries}) != len(entries) or len(names) != len(entries):
        raise CorruptionError(path, HEADER.size, "two collections have one name or one id")
    if not all(ID.fullmatch(entry.id) for entry in entries):
        raise CorruptionError(path, HEADER.size, "a collection has an id that none can have")
    if not all(map(NAME.fullmatch, names)) or DEFAULT in names:
        raise CorruptionError(path, HEADER.size, "a collection has a name that none can have")
    collections = names | {DEFAULT}
    for alias, name in found.aliases:
        if NAME.fullmatch(alias) is None or alias in collections or name not in collections:
            raise CorruptionError(path, HEADER.size, f"{alias!r:.80} is no alias of a collection")
    return Catalog(entries, found.aliases)
