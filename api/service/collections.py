"""A collection: one index, and all that a call on it may need.

The embedded store and the routes work on the same object.
"""

from __future__ import annotations

from asteroid_cloud.api.service.backups import Backups
from asteroid_cloud.api.service.feeds import OpenFeeds
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.indexer import Engine


class Collection:
    """One index: its engine, how it is read, its backups and its open feeds."""

    def __init__(self, path: str, engine: Engine, backup_folder: str | None = None) -> None:
        self.path = path
        """The data directory."""
        self.engine = engine
        self.reads = ReadExecutor(engine)
        self.backups = Backups(engine, backup_folder)
        self.feeds = OpenFeeds()
