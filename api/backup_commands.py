"""``asteroid backup`` and ``asteroid restore``: a copy of a store, and a store from one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import anyio
import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.indexer import BackupReport, Engine, EngineOptions, check_backup, restore_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import AsteroidError, LockHeld, NotFound

Arguments = ParamSpec("Arguments")
FOLDER = click.Path(file_okay=False)

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")


def _errors_to_status(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AsteroidError as error:
            console = Console(stderr=True, soft_wrap=True, highlight=False)
            console.print(f"[red]{error.code}[/]: {escape(error.message)}")
            if isinstance(error, LockHeld):
                console.print("A running server makes its own backups: POST /v1/backup, see --backup-dir.")
            sys.exit(1)

    return run


@click.command()
@click.argument("target", type=FOLDER)
@click.option("--data", required=True, envvar="ASTEROID_DATA", show_envvar=True, type=FOLDER, metavar="DIR",
              help="The store's folder. No server may have it open.")  # fmt: skip
@click.option("--previous", type=FOLDER, metavar="DIR", help="An earlier backup, whose segments are linked.")
@_as_json
@_errors_to_status
def backup(target: str, data: str, previous: str | None, as_json: bool) -> None:
    """Copy a store into the new folder TARGET, and check the copy."""
    if not LocalFiles().exists(f"{data}/wal"):
        raise NotFound(f"there is no store in {data}")
    _show(anyio.run(_backed_up, data, target, previous), "Backed up", target, as_json)


async def _backed_up(data: str, target: str, previous: str | None) -> BackupReport:
    async with Engine.open(data, EngineOptions()) as engine:
        await engine.ready()
        return await engine.backup(target, previous)


@click.command()
@click.argument("source", type=FOLDER)
@click.option("--into", type=FOLDER, metavar="DIR", help="The new store's folder, which must be empty.")
@click.option("--check", is_flag=True, help="Only read the backup and check every byte.")
@_as_json
@_errors_to_status
def restore(source: str, into: str | None, check: bool, as_json: bool) -> None:
    """Make a store of the backup SOURCE, or check it. Exit status 1 when a byte is not as it was."""
    if check == (into is not None):
        raise click.UsageError("give either --into DIR or --check")
    if into is None:
        found = check_backup(LocalFiles(), source)
        size = sum(each.bytes for each in found.files)
        _show(BackupReport(found.lsn, len(found.files), size, 0, 0.0), "Checked", source, as_json)
    else:
        _show(restore_backup(LocalFiles(), source, into), "Restored", into, as_json)


def _show(report: BackupReport, done: str, folder: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    linked = f", {report.linked_bytes:,} of them linked" if report.linked_bytes else ""
    size = f"{report.files} files, {report.bytes:,} bytes{linked}"
    out = Console(highlight=False, soft_wrap=True)
    out.print(f"{done} {escape(folder)}: {size}, up to record {report.lsn}.")
