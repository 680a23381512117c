"""Which rows are nearest, and how are they found?"""

from asteroid_cloud.query.knn.planner import PlanKind, estimate, estimate_records, plan_kind
from asteroid_cloud.query.knn.recall import recall_by_distance, true_distances

__all__ = [
    "PlanKind",
    "estimate",
    "estimate_records",
    "plan_kind",
    "recall_by_distance",
    "true_distances",
]
