"""The indexer: log records become a tail, then segments; readers get snapshots.

Owns everything derived from the log: memtables, segments, the manifest, payload files, the native core.
Knows nothing of filters, of HTTP or of who asks.
"""

from asteroid_cloud.indexer.backup.file_list import (
    BackupList,
    check_backed_up_log,
    check_backup,
    is_backup,
    read_backup,
)
from asteroid_cloud.indexer.backup.point_in_time import PointInTimeRestore, RestoreReport
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.restore import restore_backup
from asteroid_cloud.indexer.backup.swap_in import undo_replacement
from asteroid_cloud.indexer.backup.writer import backup_stopped_store
from asteroid_cloud.indexer.bulk_admission import Gathering
from asteroid_cloud.indexer.bulk_load import BulkLoader, BulkResult
from asteroid_cloud.indexer.check.catalog_check import CatalogCheck, CatalogVerified
from asteroid_cloud.indexer.check.findings import Finding
from asteroid_cloud.indexer.check.verify import Verification, Verified
from asteroid_cloud.indexer.decide.items import (
    FAIL,
    MATCH_ANY,
    NO_MATCH,
    NUMBER_OF,
    REPLACE,
    SKIP,
    ItemConditions,
    OnExisting,
    Upserts,
)
from asteroid_cloud.indexer.decide.mixed import Mixed, SetFields
from asteroid_cloud.indexer.engine import Engine
from asteroid_cloud.indexer.feed.change import Change, FeedParts
from asteroid_cloud.indexer.feed.change_feed import ChangeFeed
from asteroid_cloud.indexer.history.purge import PurgeReport
from asteroid_cloud.indexer.history.restore_point import Point
from asteroid_cloud.indexer.history.tags import TagInfo, checked_name
from asteroid_cloud.indexer.loss.loss_record import acknowledge_losses, read_losses
from asteroid_cloud.indexer.memory.budget import MemoryBudget, SharedBudget
from asteroid_cloud.indexer.model.columns import Column, Columns
from asteroid_cloud.indexer.model.data_loss import DataLoss, LostRecords, LostSegment, RecoveryMode
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.errors import idempotency_mismatch
from asteroid_cloud.indexer.model.ids import (
    INTEGER_IDS,
    STRING_IDS,
    Id,
    IdKind,
    check_name,
)
from asteroid_cloud.indexer.model.ids import Keys as Ids
from asteroid_cloud.indexer.model.merge_patch import merge_payload, set_fields
from asteroid_cloud.indexer.model.options import EngineOptions, RetentionChange
from asteroid_cloud.indexer.model.part import PartView, TakeBytes, unbounded
from asteroid_cloud.indexer.model.precondition import Condition
from asteroid_cloud.indexer.model.results import (
    DONE,
    Building,
    EngineStats,
    MemoryUse,
    Phase,
    Recovery,
    Remembered,
    TextProgress,
    WriteCounts,
    WriteResult,
)
from asteroid_cloud.indexer.model.snapshot import (
    Hits,
    PartPlan,
    Snapshot,
    prepared,
    search_parts,
    search_prepared,
)
from asteroid_cloud.indexer.model.spec import IndexSpec, checked_spec
from asteroid_cloud.indexer.recovery.log_repair import LogRepair, RepairReport
from asteroid_cloud.indexer.reindex.reindex import Reindex, ReindexReport
from asteroid_cloud.indexer.reindex.reindex_into import reindex_into
from asteroid_cloud.indexer.segment.columns import FieldColumn, Fields
from asteroid_cloud.indexer.texts.definition import (
    LANGUAGES,
    TextDefinition,
    TextField,
    checked_text,
    damage_in_text,
    path_label,
)
from asteroid_cloud.indexer.whole_store import (
    back_up_whole_store,
    backups_in,
    restore_collection,
    restore_whole_store,
)

# Names of version 0.1, which keep working.
Journey = PointInTimeRestore
Losses = DataLoss
Replay = Reindex
ReplayReport = ReindexReport
WentBack = RestoreReport
rebuild_into = reindex_into

__all__ = [
    "DONE",
    "FAIL",
    "INTEGER_IDS",
    "LANGUAGES",
    "MATCH_ANY",
    "NO_MATCH",
    "NUMBER_OF",
    "REPLACE",
    "SKIP",
    "STRING_IDS",
    "BackupList",
    "BackupReport",
    "Building",
    "BulkLoader",
    "BulkResult",
    "CatalogCheck",
    "CatalogVerified",
    "Change",
    "ChangeFeed",
    "Column",
    "Columns",
    "Condition",
    "DataLoss",
    "Engine",
    "EngineOptions",
    "EngineStats",
    "FeedParts",
    "FieldColumn",
    "Fields",
    "Finding",
    "Gathering",
    "Hits",
    "Id",
    "IdKind",
    "Ids",
    "IndexSpec",
    "ItemConditions",
    "Journey",
    "LogRepair",
    "Losses",
    "LostRecords",
    "LostSegment",
    "MemoryBudget",
    "MemoryUse",
    "Mixed",
    "OnExisting",
    "PartPlan",
    "PartView",
    "Phase",
    "Point",
    "PointInTimeRestore",
    "PurgeReport",
    "Recovery",
    "RecoveryMode",
    "Reindex",
    "ReindexReport",
    "Remembered",
    "RepairReport",
    "Replay",
    "ReplayReport",
    "RestoreReport",
    "RetentionChange",
    "SetFields",
    "SharedBudget",
    "Snapshot",
    "TagInfo",
    "TakeBytes",
    "TextDefinition",
    "TextField",
    "TextProgress",
    "Upserts",
    "Verification",
    "Verified",
    "WentBack",
    "WriteCounts",
    "WriteResult",
    "acknowledge_losses",
    "back_up_whole_store",
    "backup_stopped_store",
    "backups_in",
    "check_backed_up_log",
    "check_backup",
    "check_name",
    "checked_name",
    "checked_spec",
    "checked_text",
    "damage_in_text",
    "idempotency_mismatch",
    "is_backup",
    "merge_payload",
    "path_label",
    "prepared",
    "read_backup",
    "read_losses",
    "rebuild_into",
    "reindex_into",
    "restore_backup",
    "restore_collection",
    "restore_whole_store",
    "search_parts",
    "search_prepared",
    "set_fields",
    "snapshot_digest",
    "unbounded",
    "undo_replacement",
]
