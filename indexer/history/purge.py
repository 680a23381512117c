"""Erasure: after a purge, what was deleted or replaced before it is in no file of the store any more.

Deleted rows leave a store little by little, as segments are merged and the log is trimmed; retention and tags
keep history on purpose. A purge does not wait and overrides both. What is left proves it: only segments
without a deleted row, a log that begins later, and no file whose contents are unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from asteroid_cloud.indexer.checkpoint.manifest import PREFIX
from asteroid_cloud.indexer.segment.paths import segment_number
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import (
    LOCK,
    LOST,
    RETENTION,
    UNFINISHED,
    CollectionLayout,
    Files,
    is_evidence,
    name_of,
    remove_tree,
    replaced_states,
)
from asteroid_cloud.wal.format import FILE_NAME as LOG_FILE

KNOWN = frozenset({LOCK, *(name + end for name in (LOST, RETENTION) for end in ("", UNFINISHED))})
"""Files of a collection's folder, beside its parts, that hold no row."""


class PurgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a purge erased, and what it guarantees."""

    lsn: int
    """What was deleted or replaced by a record up to here is gone."""
    segments_rewritten: int
    rows_erased: int
    log_first_lsn: int
    """The log begins here, later than ``lsn``."""
    tags_removed: list[str]
    files_removed: int
    """Evidence of recoveries and repairs, which might have held any of it."""
    not_ours: list[str]
    """Names in the store's folder that the store did not create: their contents are unknown."""


def remove_evidence(files: Files, layout: CollectionLayout) -> int:
    """Removes the evidence of recoveries and repairs, and replaced states; how many files that were.

    A replaced state stops being one first: an undo must not bring back what is left of it after a crash.
    """
    removed = 0
    for number in replaced_states(files.list(layout.folder)):
        removed += _remove_replaced(files, layout, number)
    for folder in (layout.folder, layout.log, layout.index):
        for name in files.list(folder):
            if is_evidence(name):
                removed += remove_tree(files, f"{folder}/{name}")
        files.sync_dir(folder)
    return removed


def _remove_replaced(files: Files, layout: CollectionLayout, number: int) -> int:
    """Removes a replaced state under the name of one that is not ready, which whoever enters removes."""
    old, unready = layout.replaced(number), layout.restored
    if files.exists(old.ready):  # an undo was killed early
        files.remove(old.ready)
        files.sync_dir(old.folder)
    files.rename(old.folder, unready.folder)
    files.sync_dir(layout.folder)
    return remove_tree(files, unready.folder)


def unknown_files(
    files: Files, layout: CollectionLayout, live: set[int], below: int, log_first: Lsn
) -> Iterator[str]:
    """Names in a store's folder that belong neither to its live data nor to its own bookkeeping.

    Segments numbered ``below`` or higher were begun after ``live`` was read.
    """
    known = KNOWN | {name_of(part) for part in layout.parts}
    for name in files.list(layout.folder):
        if name not in known:
            yield name
    for name in files.list(layout.index):
        number = segment_number(name)
        is_live = number is not None and (number in live or number >= below)
        if not (name.startswith(PREFIX) or is_live):
            yield layout.relative(f"{layout.index}/{name}")
    for name in files.list(layout.log):
        match = LOG_FILE.fullmatch(name)
        if not (match and int(match[1]) >= log_first):
            yield layout.relative(f"{layout.log}/{name}")
