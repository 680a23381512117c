"""How does a follower learn of every change, in order?

A *change* is one record, or a piece of it, as a follower sees it. A *feed* gives all changes after an LSN, in
order. On the wire the route is ``/v1/changes``; it opens one feed for each request.
"""

from asteroid_cloud.indexer.feed.change import ChangeKind

__all__ = [
    "ChangeKind",
]
