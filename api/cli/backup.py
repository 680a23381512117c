"""``asteroid backup``: a copy of a store."""

from __future__ import annotations

import sys

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import as_json_option, errors_to_status
from asteroid_cloud.indexer import BackupReport, back_up_whole_store
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import LockHeld

FOLDER = click.Path(file_okay=False)


@click.command()
@click.argument("target", type=FOLDER)
@click.option("--data", required=True, envvar="ASTEROID_DATA", show_envvar=True, type=FOLDER, metavar="DIR",
              help="The store's folder. No server may have it open.")  # fmt: skip
@click.option("--previous", type=FOLDER, metavar="DIR", help="An earlier backup, whose segments are linked.")
@as_json_option
@errors_to_status
@collection_option("data", "look")
def backup(target: str, data: str, previous: str | None, as_json: bool) -> None:
    """Copy a store into the new folder TARGET, and check the copy.

    All of its collections are copied. With --collection it is that one alone: of such a backup "restore"
    makes a store in which it is the collection default.

    Nothing is written into the store, which may be a copy that cannot be written to.
    """
    try:
        report = back_up_whole_store(LocalFiles(), data.rstrip("/"), target, previous)
    except LockHeld as error:
        hint = "a running server makes its own backups: POST /v1/backup, see --backup-dir"
        raise LockHeld(f"{error.message}; {hint}") from error
    show_backup(report, "Backed up", target, as_json)


def show_backup(report: BackupReport, done: str, folder: str, as_json: bool) -> None:
    """Says what was ``done`` with the folder."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    linked = f", {report.linked_bytes:,} of them linked" if report.linked_bytes else ""
    size = f"{report.files} files, {report.bytes:,} bytes{linked}"
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{done} {escape(folder)}: {size}, up to record {report.lsn}.")
