"""The highest LSN that a store has ever given out: a new history begins above it."""

from __future__ import annotations

from contextlib import suppress

from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.history.tags import UNREADABLE
from asteroid_cloud.wal import Branch, Histories, Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files, replaced_states
from asteroid_cloud.wal.errors import NotFound
from asteroid_cloud.wal.read import LogReader, highest_epoch, highest_lsn


def highest_given_out(files: Files, layout: CollectionLayout) -> tuple[Lsn, int]:
    """The highest LSN, and the highest epoch, in a collection and in the states that it has replaced.

    Damage is passed over. Raises UnsupportedVersion and StorageError.
    """
    states = [layout, *replaced_by(files, layout)]
    logs = [state.log for state in states]
    checkpoints = [_checkpoint(files, state) for state in states]
    return max(highest_lsn(files, logs), *checkpoints), highest_epoch(files, logs)


def replaced_by(files: Files, layout: CollectionLayout) -> list[CollectionLayout]:
    """The states that restores in place have replaced, and that lie beside the collection."""
    names = files.list(layout.folder) if files.exists(layout.folder) else []
    return [layout.replaced(number) for number in replaced_states(names)]


def histories_of(files: Files, layout: CollectionLayout) -> tuple[Histories, Lsn]:
    """The histories of a store that nobody has open, or of a backup, and its newest record.

    Raises NotFound without a log, CorruptionError and UnsupportedVersion.
    """
    manifest = newest_manifest(files, layout.index) if files.exists(layout.index) else None
    histories = Histories() if manifest is None else manifest.branches()
    last = Lsn(0 if manifest is None else manifest.applied_lsn)
    for frame in LogReader(files, layout.log).held_frames(Lsn(last + 1)):
        if (begun := frame.history) is not None and frame.header.first_lsn > last:
            branch = Branch(Lsn(begun.branched_at), frame.header.first_lsn, begun.store)
            histories = histories.followed_by(branch)
        last = max(last, frame.header.last_lsn)
    return histories, last


def store_name(files: Files, layout: CollectionLayout, identity: bytes) -> bytes:
    """The name of a store that nobody has open, as far as its checkpoint and its log can be read."""
    name = identity
    with suppress(*UNREADABLE):
        manifest = newest_manifest(files, layout.index) if files.exists(layout.index) else None
        name = identity if manifest is None else manifest.branches().store(identity)
    with suppress(*UNREADABLE, NotFound):
        for frame in LogReader(files, layout.log).held_frames():
            if (begun := frame.history) is not None:
                name = begun.store
    return name


def _checkpoint(files: Files, layout: CollectionLayout) -> Lsn:
    with suppress(*UNREADABLE):
        manifest = newest_manifest(files, layout.index) if files.exists(layout.index) else None
        return Lsn(0 if manifest is None else manifest.applied_lsn)
    return Lsn(0)
