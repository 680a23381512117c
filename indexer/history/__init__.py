"""Which earlier states are kept, and how is the past erased?"""

from asteroid_cloud.indexer.history.tags import NAME

__all__ = [
    "NAME",
]
