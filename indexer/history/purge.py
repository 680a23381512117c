"""Erasure: after a purge, what was deleted or replaced before it is in no file of the store any more.

Deleted rows leave a store by and by, as segments are merged and the log is trimmed; history is kept on
purpose by retention and tags. A purge does not wait and overrides both. It is proven by what is left: only
segments without a row that was dead, a log that begins later, and no file that is not accounted for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from asteroid_cloud.indexer.checkpoint.manifest import PREFIX
from asteroid_cloud.indexer.checkpoint.open import SEGMENT_FILE
from asteroid_cloud.indexer.recovery.data_loss import LOST
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import LOCK_FILE as LOCK
from asteroid_cloud.wal.disk import UNFINISHED, Files
from asteroid_cloud.wal.format import NAME as LOG_FILE

EVIDENCE = re.compile(r".*\.broken(\.\d+)?|index\.rebuilt|replaced\.\d+")
"""What recovery and repairs put aside, files or folders: it may hold anything."""
KNOWN = frozenset({"index", "wal", "tags", LOCK, LOST, LOST + UNFINISHED})


class PurgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a purge erased, and what it vouches for."""

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
    """Names in the store's folder that are not the store's: nobody knows what is in them."""


def remove_evidence(files: Files, store: str) -> int:
    """Removes what recovery and repairs have put aside; how many files that were."""
    removed = 0
    for folder in (store, f"{store}/wal", f"{store}/index"):
        for name in files.list(folder):
            if EVIDENCE.fullmatch(name):
                removed += remove_whole(files, f"{folder}/{name}")
        files.sync_dir(folder)
    return removed


def remove_whole(files: Files, path: str) -> int:
    """Removes a file, or a folder with all that is in it; how many files that were."""
    if not files.is_dir(path):
        files.remove(path)
        return 1
    removed = sum(remove_whole(files, f"{path}/{name}") for name in files.list(path))
    files.remove_dir(path)
    return removed


def unknown_files(files: Files, store: str, live: set[int], below: int, log_first: Lsn) -> Iterator[str]:
    """Names in a store's folder that are neither live data nor of no concern.

    Segments numbered ``below`` or higher were begun after ``live`` was looked at.
    """
    for name in files.list(store):
        if name not in KNOWN:
            yield name
    for name in files.list(f"{store}/index"):
        match = SEGMENT_FILE.fullmatch(name)
        number = int(match[1]) if match else None
        is_live = number is not None and (number in live or number >= below)
        if not (name.startswith(PREFIX) or is_live):
            yield f"index/{name}"
    for name in files.list(f"{store}/wal"):
        match = LOG_FILE.fullmatch(name)
        if not (match and int(match[1]) >= log_first):
            yield f"wal/{name}"
