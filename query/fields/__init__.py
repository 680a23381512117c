"""What does a payload field hold in the rows that match?"""

from asteroid_cloud.query.fields.values import Path

__all__ = [
    "Path",
]
