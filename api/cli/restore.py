"""``asteroid restore``: a store from a backup, or an earlier state of a store."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.api.cli.backup import FOLDER, show_backup
from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import INSTANT, errors_to_status
from asteroid_cloud.indexer import (
    BackupReport,
    Point,
    PointInTimeRestore,
    RestoreReport,
    backups_in,
    check_backup,
    is_backup,
    restore_collection,
    restore_whole_store,
    undo_replacement,
)
from asteroid_cloud.wal import LSN_MAX, LocalFiles
from asteroid_cloud.wal.read import iso
from asteroid_cloud.wal.store import enter


def is_of_one(given: dict[str, Any]) -> bool:
    """Whether what is asked for concerns one collection, whatever others there are."""
    if given["check"] or given["name"] is not None:
        return False
    is_earlier = any(given[each] is not None for each in ("tag", "until_lsn", "until_time", "log"))
    return is_earlier or given["in_place"] or given["undo"] or not is_backup(LocalFiles(), given["source"])


@click.command()
@click.argument("source", type=FOLDER)
@click.option("--into", type=FOLDER, metavar="DIR", help="The new store's folder, which must be empty.")
@click.option(
    "--as",
    "name",
    metavar="NAME",
    help="Add the backup to the store DIR as a collection of this name.",
)
@click.option("--in-place", is_flag=True, help="Restore the store SOURCE itself; --undo reverses that.")
@click.option("--tag", metavar="NAME", help="Restore this tag of the store SOURCE.")
@click.option(
    "--until-lsn", type=click.IntRange(0, LSN_MAX), metavar="LSN", help="Restore the state at this record."
)
@click.option(
    "--until-time",
    type=INSTANT,
    metavar="TIME",
    help="Restore the state at this moment: 2026-11-23T12:00:00Z. The record that is reached is printed.",
)
@click.option("--log", type=FOLDER, metavar="DIR", help="Continue the backup SOURCE with this store's log.")
@click.option("--undo", is_flag=True, help="Bring back what the last --in-place has replaced.")
@click.option("--check", is_flag=True, help="Only read the backup and check every byte.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
@errors_to_status
@collection_option("source", "look", changes_if="in_place", one_if=is_of_one)
def restore(
    source: str,
    into: str | None,
    name: str | None,
    in_place: bool,
    tag: str | None,
    until_lsn: int | None,
    until_time: int | None,
    log: str | None,
    undo: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Make a store from the backup SOURCE, or restore the store SOURCE to an earlier state.

    A store can be restored to a record, a moment or a tag, as far as its log reaches from a tag, the
    checkpoint or the first record. So can a backup, up to where the log of its store, named by --log, ends.
    How far the log reaches is set by --log-retention-bytes and --log-retention-age of the server.

    From a backup without a point in time all collections are restored. With --collection it is that one
    alone: --into makes a store in which it is the collection default, --in-place restores it in its store.
    With --as NAME a backup's collection is added to the store DIR, which may have others, under a free name.
    A point in time, --in-place and --undo are always of one collection, which --collection names where there
    are several.

    No server may have SOURCE open. Exit status 1 when the point cannot be reached, or a byte is not as it
    was written.
    """
    if (into is not None) + in_place + undo + check != 1:
        raise click.UsageError("give one of --into DIR, --in-place, --undo and --check")
    point = Point(until_lsn, until_time, tag)
    wants_history = point != Point() or log is not None
    if wants_history and (undo or check):
        raise click.UsageError("--undo and --check go with no point in time")
    files = LocalFiles()
    if name is not None and (into is None or wants_history or not is_backup(files, source)):
        raise click.UsageError("--as takes a backup, --into DIR and no point in time")
    if name is not None and into is not None:
        show_backup(restore_collection(files, source, into.rstrip("/"), name), "Restored", into, as_json)
    elif check:
        show_backup(_checked(files, source), "Checked", source, as_json)
    elif undo:
        _undo(files, source, as_json)
    elif in_place:
        done, replaced = PointInTimeRestore(files, source, log).in_place(point)
        _show(done, source, as_json, f"What it replaced is in {replaced}; --undo brings it back.")
    elif into is not None and not wants_history and is_backup(files, source):
        show_backup(restore_whole_store(files, source, into), "Restored", into, as_json)
    elif into is not None:
        _show(PointInTimeRestore(files, source, log).to_new(into, point), into, as_json, "")


def _checked(files: LocalFiles, source: str) -> BackupReport:
    """Reads every file of a backup, and of those of its collections."""
    found = [check_backup(files, folder) for folder, _ in backups_in(files, source)]
    listed = [each for backup in found for each in backup.files]
    return BackupReport(found[0].lsn, len(listed), sum(each.bytes for each in listed), 0, 0.0)


def _undo(files: LocalFiles, source: str, as_json: bool) -> None:
    with enter(files, source) as access:
        replaced = undo_replacement(access.files, source)
    if as_json:
        sys.stdout.write(msgspec.json.encode({"put_aside": replaced}).decode() + "\n")
        return
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{escape(source)} is what it was before; {replaced} has what it was until now.")


def _show(done: RestoreReport, folder: str, as_json: bool, more: str) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
        return
    out = Console(highlight=False, soft_wrap=True)
    when = "" if done.time_ms is None else f"Record {done.lsn} was logged at {iso(done.time_ms)}. "
    out.print(
        f"{escape(folder)} is as record {done.lsn} left it: {escape(done.base)}, and {done.records:,} "
        f"records after it, which the next start replays. {when}What is written from now on begins with "
        f"record {done.began_at}. {escape(more)}".rstrip()
    )
