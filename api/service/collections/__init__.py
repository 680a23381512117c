"""Which collections does a store have, which of them are open, and who uses them?"""

from asteroid_cloud.api.service.collections.collection import DEFAULT, Collection
from asteroid_cloud.api.service.collections.definition import AskedDefinition, CollectionInfo, Definition
from asteroid_cloud.api.service.collections.name_watch import NameWatch
from asteroid_cloud.api.service.collections.options import CollectionsOptions
from asteroid_cloud.api.service.collections.registry import Collections, open_collections

__all__ = [
    "DEFAULT",
    "AskedDefinition",
    "Collection",
    "CollectionInfo",
    "Collections",
    "CollectionsOptions",
    "Definition",
    "NameWatch",
    "open_collections",
]
