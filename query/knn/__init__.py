"""Which rows are nearest, and how are they found?"""

from asteroid_cloud.query.knn.planner import VISITS_PER_BREADTH, WALK_COST, scan_limit

__all__ = [
    "VISITS_PER_BREADTH",
    "WALK_COST",
    "scan_limit",
]
