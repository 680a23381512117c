"""Checking the log of a store: every frame and record, where it meets the checkpoint, and its histories."""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud.indexer.check.findings import FROM_BACKUP, FROM_LOG, NEVER_STARTED, Findings
from asteroid_cloud.indexer.checkpoint.manifest import Manifest
from asteroid_cloud.indexer.checkpoint.segment_numbers import first_free_number
from asteroid_cloud.wal import Branch, Histories
from asteroid_cloud.wal.disk import CollectionLayout, Files
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.read import LogCheck, LogReader, log_files


def check_log(files: Files, layout: CollectionLayout, findings: Findings) -> LogCheck | None:
    """Decodes every frame and record; None when nothing is known of the log."""
    if not log_files(files, layout.log):
        _tell_missing(files, layout, findings)
        return None
    found: LogCheck | None = None
    with findings.catch(layout.log, FROM_BACKUP):
        found = LogReader(files, layout.log).check(bodies=True)
    if found is None:
        return None
    for damage in found.damage:
        findings.add(damage.path, f"byte {damage.offset}: {damage.reason}", FROM_BACKUP)
    if found.torn_tail is not None:
        findings.note(f"{found.torn_tail.path} ends in a torn write; the next start cuts it off")
    return found


def _tell_missing(files: Files, layout: CollectionLayout, findings: Findings) -> None:
    has_manifest = files.exists(layout.index) and any(
        name.startswith("manifest-") for name in files.list(layout.index)
    )
    if has_manifest or first_free_number(files, layout.index) > 1:
        findings.add(layout.log, "there is no log, though there is an index", FROM_BACKUP)
    else:
        problem = (
            "there is neither a log nor an index: a first start that was killed leaves that, and nothing was "
            "acknowledged before it was"
        )
        findings.add(layout.log, problem, NEVER_STARTED)


def check_reach(log: LogCheck | None, manifest: Manifest | None, folder: str, findings: Findings) -> None:
    """Whether the log goes on where the checkpoint ends."""
    at = manifest.applied_lsn if manifest is not None else 0
    if log is not None and not log.first_lsn - 1 <= at <= log.last_lsn:
        problem = f"the checkpoint is at LSN {at}, the log holds {log.first_lsn} to {log.last_lsn}"
        findings.add(folder, problem, FROM_BACKUP)


def check_histories(
    log: LogCheck | None, manifest: Manifest | None, place: str, findings: Findings
) -> Histories | None:
    """Whether checkpoint and log tell of the same histories, as far as each of them reaches.

    Gives all histories of the store; None when that is not known.
    """
    if log is None or log.damage:
        return None
    if manifest is None:
        return Histories(log.branches)
    of_checkpoint = manifest.branches().branches
    told = [branch for branch in of_checkpoint if branch.branched_at + 1 >= log.first_lsn]
    held = [branch for branch in log.branches if branch.began_at <= manifest.applied_lsn]
    if told != held:
        problem = f"the checkpoint knows of {_in_words(told)}, the log of {_in_words(held)}"
        findings.add(place, problem, FROM_LOG)
        return None
    later = tuple(branch for branch in log.branches if branch.began_at > manifest.applied_lsn)
    histories = Histories((*of_checkpoint, *later))
    try:
        histories.check(manifest.applied_lsn)
    except Conflict as left:
        findings.add(place, f"the checkpoint is of no use: {left.message}", FROM_LOG)
        return None
    return histories


def check_tagged_histories(
    histories: Histories | None, tag: Manifest, place: str, findings: Findings
) -> None:
    """Whether a tag tells of the same histories as the store, up to its record."""
    told = tag.branches().branches
    if histories is not None and told != (known := histories.up_to(tag.applied_lsn).branches):
        problem = f"the tag knows of {_in_words(told)}, the store of {_in_words(known)}"
        findings.add(place, problem, FROM_BACKUP)


def _in_words(branches: Sequence[Branch]) -> str:
    if not branches:
        return "no new history"
    each = (
        f"{branch.began_at} behind {branch.branched_at} of store {branch.store.hex()[:8]}"
        for branch in branches
    )
    return f"histories that begin with {', '.join(each)}"
