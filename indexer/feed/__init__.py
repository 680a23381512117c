"""How does a follower learn of every change, in order?"""

from asteroid_cloud.indexer.feed.changes import ChangeKind

__all__ = [
    "ChangeKind",
]
