"""What is done about a log that ends in a torn write or is damaged?"""

from asteroid_cloud.wal.repair.carry_out import apply_repair
from asteroid_cloud.wal.repair.plan import RepairPlan, plan_repair
from asteroid_cloud.wal.repair.salvage_scan import salvage_scan
from asteroid_cloud.wal.repair.torn_tail import RecoveryReport, evidence_path

__all__ = [
    "RecoveryReport",
    "RepairPlan",
    "apply_repair",
    "evidence_path",
    "plan_repair",
    "salvage_scan",
]
