"""What does a payload field hold in the rows that match?"""

from asteroid_cloud.query.filters.paths import Path

__all__ = [
    "Path",
]
