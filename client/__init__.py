"""The Python clients of an Asteroid server: ``AsyncClient``, and ``Client`` for code that blocks."""

from asteroid_cloud.client.aio.client import AsyncClient
from asteroid_cloud.client.aio.collection import AsyncCollection
from asteroid_cloud.client.errors import (
    AsteroidError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    InternalError,
    InvalidRequest,
    NotFound,
    OtherHistory,
    Overloaded,
    RateLimited,
    ServerError,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
)
from asteroid_cloud.client.filters import Condition, F
from asteroid_cloud.client.protocol.searches import Search
from asteroid_cloud.client.results.changes import Change
from asteroid_cloud.client.results.fields import Bounds, Facets, FacetValue, FieldInfo, FieldList, FieldRange
from asteroid_cloud.client.results.recovery import DataLoss, LostRecords, LostSegment, Recovery
from asteroid_cloud.client.results.reports import (
    Backup,
    BackupReport,
    Backups,
    BulkReport,
    IndexInfo,
    PurgeReport,
    Recall,
    Stats,
    Tag,
)
from asteroid_cloud.client.results.rows import (
    Changed,
    Counted,
    Hit,
    HitGroup,
    Hits,
    Inserted,
    Record,
    Row,
    Written,
)
from asteroid_cloud.client.results.server import CollectionInfo, Definition, KeyInfo
from asteroid_cloud.client.settings import RetryPolicy
from asteroid_cloud.client.sync.client import Client
from asteroid_cloud.client.sync.collection import Collection

# Names of version 0.1, which keep working.
Losses = DataLoss

__all__ = [
    "AsteroidError",
    "AsyncClient",
    "AsyncCollection",
    "Backup",
    "BackupReport",
    "Backups",
    "Bounds",
    "BulkReport",
    "Change",
    "Changed",
    "Client",
    "Collection",
    "CollectionInfo",
    "Condition",
    "Conflict",
    "ConnectionFailed",
    "Counted",
    "DataLoss",
    "DeadlineExceeded",
    "Definition",
    "F",
    "FacetValue",
    "Facets",
    "FieldInfo",
    "FieldList",
    "FieldRange",
    "Forbidden",
    "Hit",
    "HitGroup",
    "Hits",
    "IndexInfo",
    "Inserted",
    "InternalError",
    "InvalidRequest",
    "KeyInfo",
    "Losses",
    "LostRecords",
    "LostSegment",
    "NotFound",
    "OtherHistory",
    "Overloaded",
    "PurgeReport",
    "RateLimited",
    "Recall",
    "Record",
    "Recovery",
    "RetryPolicy",
    "Row",
    "Search",
    "ServerError",
    "Stats",
    "StorageError",
    "Tag",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Written",
]
