"""Writing a backup: what is pinned is copied or linked, checked, then listed; or nothing is left of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from asteroid_cloud.indexer.backup.copying import Copying, check_log
from asteroid_cloud.indexer.backup.earlier import EarlierBackup
from asteroid_cloud.indexer.backup.file_list import FORMAT, WHOLE_FORMAT, BackupList, ListedFile, write_list
from asteroid_cloud.indexer.backup.report import BackupReport
from asteroid_cloud.indexer.backup.source import PinnedState, PinnedTag, tag_left_out
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout
from asteroid_cloud.wal.errors import CorruptionError
from asteroid_cloud.wal.store import new_folder

logger = logging.getLogger(__name__)


Others = Callable[[Files], list[ListedFile]]
"""Puts more into a backup that is being written: its files, by their paths in the backup."""


def write_backup(
    files: Files,
    layout: CollectionLayout,
    pinned: PinnedState,
    target: str,
    previous: str | None = None,
    others: Others | None = None,
) -> BackupReport:
    """Copies what is pinned into the new folder ``target``, and checks the copy; ``others`` adds to it.

    Segments that ``previous``, an earlier backup, has whole are linked. A tag that is damaged is left out,
    and named in the report. Raises Conflict ``backup_exists`` when the folder holds anything, CorruptionError
    when a file of the store is damaged or a copy does not read back as it was written, NoSpace and
    StorageError; then nothing is left of it.
    """
    began_s, made_ms = time.monotonic(), time.time_ns() // 1_000_000
    earlier, made = EarlierBackup(files, previous, pinned.identity), StoreLayout(target).collection()
    copying = Copying(files, layout, made, earlier)
    with new_folder(files, target, taken="backup_exists") as guarded:
        for part in made.parts:
            files.make_dirs(part)
        copying.take(pinned.sources, pinned.manifest)
        check_log(files, made, layout, pinned.manifest)
        left_out = [*pinned.damaged, *_take_tags(copying, pinned.tags)]
        for part in made.parts:
            files.sync_dir(part)
        listed = [*copying.listed.values(), *(others(guarded) if others is not None else ())]
        whole = FORMAT if others is None else WHOLE_FORMAT
        write_list(files, made, BackupList.of(pinned.identity, pinned.lsn, made_ms, listed, whole))
    return BackupReport(
        pinned.lsn,
        len(listed),
        sum(each.bytes for each in listed),
        copying.linked_bytes,
        time.monotonic() - began_s,
        [*earlier.damaged, *left_out],
    )


def _take_tags(copying: Copying, tags: list[PinnedTag]) -> list[str]:
    """Takes the tags whose segments are whole; a sentence about each other one."""
    left_out = []
    for tag in tags:
        try:
            copying.take(tag.sources, tag.manifest)
        except CorruptionError as error:
            left_out.append(tag_left_out(tag.name, error))
            logger.warning("%s", left_out[-1])
    return left_out
