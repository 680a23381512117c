"""Which collections does a data directory have beside ``default``, and by which names?"""

from asteroid_cloud.indexer.catalog.catalog import NAME, Catalog, checked_collection_name, no_collection
from asteroid_cloud.indexer.catalog.catalog_file import read_catalog, write_catalog
from asteroid_cloud.indexer.catalog.changes import (
    begin_collection,
    name_collection,
    remove_folder,
    replace_catalog,
    unname_collection,
)
from asteroid_cloud.indexer.catalog.entry import CatalogEntry, new_id
from asteroid_cloud.indexer.catalog.marker import read_marker
from asteroid_cloud.indexer.catalog.opening import Cleaned, clean, open_catalog
from asteroid_cloud.indexer.catalog.rebuild import RebuiltCatalog, rebuild_catalog
from asteroid_cloud.indexer.catalog.size import closed_size

__all__ = [
    "NAME",
    "Catalog",
    "CatalogEntry",
    "Cleaned",
    "RebuiltCatalog",
    "begin_collection",
    "checked_collection_name",
    "clean",
    "closed_size",
    "name_collection",
    "new_id",
    "no_collection",
    "open_catalog",
    "read_catalog",
    "read_marker",
    "rebuild_catalog",
    "remove_folder",
    "replace_catalog",
    "unname_collection",
    "write_catalog",
]
