"""Which bytes are a log: events, frames, files?"""

from asteroid_cloud.wal.format.events import (
    DIGEST_BYTES,
    KEY_BYTES,
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    HistoryBegun,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    RequestAnswered,
    RequestKey,
    VectorsDeleted,
    VectorsUpserted,
    event_bytes,
)
from asteroid_cloud.wal.format.log_file import FILE_NAME
from asteroid_cloud.wal.format.record import Record

__all__ = [
    "DIGEST_BYTES",
    "FILE_NAME",
    "KEY_BYTES",
    "BulkLoaded",
    "BulkPayloads",
    "BulkRows",
    "Event",
    "HistoryBegun",
    "IndexCreated",
    "IndexDeleted",
    "PayloadMerged",
    "PayloadReplaced",
    "Record",
    "RequestAnswered",
    "RequestKey",
    "VectorsDeleted",
    "VectorsUpserted",
    "event_bytes",
]
