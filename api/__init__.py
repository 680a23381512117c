"""The outer face: the store as an object in one's own program, and the HTTP API over it.

Owns the checks of what comes in, the shape of what goes out, the server and its settings. What an index
is, how it is searched and how it is kept are the layers' below.
"""

from asteroid_cloud.api.embedded.blocking.collection import BlockingCollection
from asteroid_cloud.api.embedded.blocking.store import BlockingStore, open_blocking
from asteroid_cloud.api.embedded.changes import Change
from asteroid_cloud.api.embedded.named.collection import StoreCollection
from asteroid_cloud.api.embedded.open import open, restore
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.service.collections import CollectionInfo, Definition
from asteroid_cloud.api.service.results import (
    BulkReport,
    Counted,
    Facets,
    FieldList,
    FieldRange,
    Hit,
    HitGroup,
    Hits,
    IndexInfo,
    Recall,
    Record,
    Row,
    Stats,
    Written,
)
from asteroid_cloud.api.service.searches import Search
from asteroid_cloud.indexer import BackupReport, PurgeReport, Recovery, TagInfo

__all__ = [
    "BackupReport",
    "BlockingCollection",
    "BlockingStore",
    "BulkReport",
    "Change",
    "CollectionInfo",
    "Counted",
    "Definition",
    "Facets",
    "FieldList",
    "FieldRange",
    "Hit",
    "HitGroup",
    "Hits",
    "IndexInfo",
    "PurgeReport",
    "Recall",
    "Record",
    "Recovery",
    "Row",
    "Search",
    "Stats",
    "Store",
    "StoreCollection",
    "TagInfo",
    "Written",
    "open",
    "open_blocking",
    "restore",
]
