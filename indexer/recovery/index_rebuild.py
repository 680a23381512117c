"""Rebuilding a damaged index from a log that holds every record since the first."""

from __future__ import annotations

from contextlib import suppress

from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.reindex.index_build import Progress
from asteroid_cloud.indexer.reindex.reindex import Reindex
from asteroid_cloud.wal.disk import CollectionLayout, Files, broken_indexes, name_of
from asteroid_cloud.wal.errors import NotFound, StorageError
from asteroid_cloud.wal.read import LogReader

REPLACED_MAX = 3
"""Replaced indexes that may lie about before another is built: a failing disk must not be filled by them."""


def holds_everything(files: Files, layout: CollectionLayout, up_to: int = 0) -> bool:
    """Whether all records from the first to ``up_to`` at least can be read from the log; reads them all."""
    try:
        log = LogReader(files, layout.log).check(bodies=True)
    except NotFound:
        return False
    return log.first_lsn == 1 and not log.damage and log.last_lsn >= up_to


def rebuild_index(
    files: Files, layout: CollectionLayout, options: EngineOptions, error: StorageError, progress: Progress
) -> list[str]:
    """Rebuilds the whole index, which ``error`` keeps from opening, and puts it in place.

    Raises ``error`` when the log does not hold everything, and StorageError when too many replaced indexes
    are there already, both with nothing changed.
    """
    if not holds_everything(files, layout):
        raise error
    replaced = broken_indexes(files.list(layout.folder))
    if len(replaced) >= REPLACED_MAX:
        names = ", ".join(name_of(layout.broken_index(number)) for number in replaced)
        reason = (
            f"{error.message}; it could be rebuilt, but there are {len(replaced)} replaced indexes "
            f"already ({names}): look at the disk, then remove them"
        )
        raise StorageError(reason, code=error.code)
    reindex = Reindex(files, layout.folder, options)
    try:
        report = reindex.run_locked(progress)
        evidence = reindex.install_locked()
    except StorageError:
        with suppress(StorageError):  # it takes up room; the next attempt removes it as well
            reindex.discard()
        raise
    return [
        f"the index was rebuilt from records 1 to {report.to_lsn}, for it did not open: "
        f"{error.message}; {evidence} has the damaged one"
    ]
