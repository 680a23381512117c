"""Which rows are nearest, and how are they found?"""

from asteroid_cloud.query.knn.planner import PlanKind, estimate, plan_kind
from asteroid_cloud.query.knn.recall import recall_by_distance, true_distances

__all__ = [
    "PlanKind",
    "estimate",
    "plan_kind",
    "recall_by_distance",
    "true_distances",
]
