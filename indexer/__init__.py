"""The indexer: log records become a tail, then segments; readers get snapshots.

Owns everything derived from the log: blocks, segments, the manifest, payload files, the native core.
Knows nothing of filters, of HTTP or of who asks.
"""

from asteroid_cloud.indexer.backup import (
    BackupList,
    BackupReport,
    check_backup,
    read_backup,
    restore_backup,
)
from asteroid_cloud.indexer.bulk import BulkLoader, BulkResult
from asteroid_cloud.indexer.changes import Change, ChangeFeed, FeedParts
from asteroid_cloud.indexer.condition import Condition
from asteroid_cloud.indexer.digest import snapshot_digest
from asteroid_cloud.indexer.engine import Engine
from asteroid_cloud.indexer.fields import FieldColumn, Fields
from asteroid_cloud.indexer.going_back import Journey, Point, WentBack
from asteroid_cloud.indexer.log_repair import LogRepair, RepairReport
from asteroid_cloud.indexer.losses import (
    Losses,
    LostRecords,
    LostSegment,
    RecoveryMode,
    acknowledge_losses,
    read_losses,
)
from asteroid_cloud.indexer.memory import Building, MemoryUse
from asteroid_cloud.indexer.merge_patch import merge_payload
from asteroid_cloud.indexer.part import PartView
from asteroid_cloud.indexer.purge import PurgeReport
from asteroid_cloud.indexer.rebuilding import rebuild_into
from asteroid_cloud.indexer.replacing import undo as undo_replacement
from asteroid_cloud.indexer.replay import Replay, ReplayReport
from asteroid_cloud.indexer.snapshot import Hits, PartPlan, Snapshot, prepared, search_parts, search_prepared
from asteroid_cloud.indexer.spec import EngineOptions, IndexSpec, checked_spec
from asteroid_cloud.indexer.status import EngineStats, Phase, Recovery, WriteResult
from asteroid_cloud.indexer.tags import TagInfo, checked_name
from asteroid_cloud.indexer.verify import Verification, Verified

__all__ = [
    "BackupList",
    "BackupReport",
    "Building",
    "BulkLoader",
    "BulkResult",
    "Change",
    "ChangeFeed",
    "Condition",
    "Engine",
    "EngineOptions",
    "EngineStats",
    "FeedParts",
    "FieldColumn",
    "Fields",
    "Hits",
    "IndexSpec",
    "Journey",
    "LogRepair",
    "Losses",
    "LostRecords",
    "LostSegment",
    "MemoryUse",
    "PartPlan",
    "PartView",
    "Phase",
    "Point",
    "PurgeReport",
    "Recovery",
    "RecoveryMode",
    "RepairReport",
    "Replay",
    "ReplayReport",
    "Snapshot",
    "TagInfo",
    "Verification",
    "Verified",
    "WentBack",
    "WriteResult",
    "acknowledge_losses",
    "check_backup",
    "checked_name",
    "checked_spec",
    "merge_payload",
    "prepared",
    "read_backup",
    "read_losses",
    "rebuild_into",
    "restore_backup",
    "search_parts",
    "search_prepared",
    "snapshot_digest",
    "undo_replacement",
]
