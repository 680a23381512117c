"""Which rows are nearest, and how are they found?"""

from asteroid_cloud.query.knn.planner import estimate, estimate_records

__all__ = [
    "estimate",
    "estimate_records",
]
