"""What do calls give back?

``record.vector`` and ``record["vector"]`` are the same thing, and ``dict(record)`` works, so code
that treats answers as dictionaries keeps working. Wherever there is an ``lsn`` it is the log
sequence number of the write, or of the snapshot that was read; 0 when the server named none.
"""

from asteroid_cloud.client.results.answer import Answer, Payload
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

__all__ = [
    "Answer",
    "Backup",
    "BackupReport",
    "Backups",
    "Bounds",
    "BulkReport",
    "Change",
    "Changed",
    "Counted",
    "DataLoss",
    "FacetValue",
    "Facets",
    "FieldInfo",
    "FieldList",
    "FieldRange",
    "Hit",
    "HitGroup",
    "Hits",
    "IndexInfo",
    "Inserted",
    "LostRecords",
    "LostSegment",
    "Payload",
    "PurgeReport",
    "Recall",
    "Record",
    "Recovery",
    "Row",
    "Stats",
    "Tag",
    "Written",
]
