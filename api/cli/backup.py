"""``asteroid backup``: a copy of a store."""

from __future__ import annotations

import sys

import anyio
import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.api.cli.options import as_json_option, errors_to_status
from asteroid_cloud.indexer import BackupReport, Engine, EngineOptions
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import LockHeld, NotFound

FOLDER = click.Path(file_okay=False)


@click.command()
@click.argument("target", type=FOLDER)
@click.option("--data", required=True, envvar="ASTEROID_DATA", show_envvar=True, type=FOLDER, metavar="DIR",
              help="The store's folder. No server may have it open.")  # fmt: skip
@click.option("--previous", type=FOLDER, metavar="DIR", help="An earlier backup, whose segments are linked.")
@as_json_option
@errors_to_status
def backup(target: str, data: str, previous: str | None, as_json: bool) -> None:
    """Copy a store into the new folder TARGET, and check the copy."""
    if not LocalFiles().exists(StoreLayout(data).collection().log):
        raise NotFound(f"there is no store in {data}")
    try:
        report = anyio.run(_backed_up, data, target, previous)
    except LockHeld as error:
        hint = "a running server makes its own backups: POST /v1/backup, see --backup-dir"
        raise LockHeld(f"{error.message}; {hint}") from error
    show_backup(report, "Backed up", target, as_json)


async def _backed_up(data: str, target: str, previous: str | None) -> BackupReport:
    async with Engine.open(data, EngineOptions()) as engine:
        await engine.ready()
        return await engine.backup(target, previous)


def show_backup(report: BackupReport, done: str, folder: str, as_json: bool) -> None:
    """Says what was ``done`` with the folder."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    linked = f", {report.linked_bytes:,} of them linked" if report.linked_bytes else ""
    size = f"{report.files} files, {report.bytes:,} bytes{linked}"
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{done} {escape(folder)}: {size}, up to record {report.lsn}.")
