"""What is an index to those who read it: its parts, its snapshot, its options and results?"""

from asteroid_cloud.indexer.model.spec import METRICS

__all__ = [
    "METRICS",
]
