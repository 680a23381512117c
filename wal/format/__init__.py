"""Which bytes are a log: events, frames, files?"""

from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
    event_bytes,
)
from asteroid_cloud.wal.format.log_file import NAME
from asteroid_cloud.wal.format.record import Record

__all__ = [
    "NAME",
    "BulkLoaded",
    "BulkPayloads",
    "BulkRows",
    "Event",
    "IndexCreated",
    "IndexDeleted",
    "PayloadMerged",
    "PayloadReplaced",
    "Record",
    "VectorsDeleted",
    "VectorsUpserted",
    "event_bytes",
]
