"""A registry of one collection, for tests of what lies around it."""

from __future__ import annotations

from asteroid_cloud.api.service.collections import Collection, Collections
from asteroid_cloud.indexer.catalog import Catalog
from asteroid_cloud.wal.store import enter
from tests.support.memory_files import MemoryFiles


def only(collection: Collection) -> Collections:
    """The collection as ``default`` of a store in memory that has no other."""
    return Collections(collection, enter(MemoryFiles(), "nowhere", creates=True), Catalog())
