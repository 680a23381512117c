"""``asteroid backup``: a copy of a store."""

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

from asteroid_cloud.indexer import BackupReport, Engine, EngineOptions
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import AsteroidError, LockHeld, NotFound

Arguments = ParamSpec("Arguments")
FOLDER = click.Path(file_okay=False)

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")


def errors_to_status(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Prints an error in a line, with its code, and ends with status 1."""

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
@errors_to_status
def backup(target: str, data: str, previous: str | None, as_json: bool) -> None:
    """Copy a store into the new folder TARGET, and check the copy."""
    if not LocalFiles().exists(f"{data}/wal"):
        raise NotFound(f"there is no store in {data}")
    show_backup(anyio.run(_backed_up, data, target, previous), "Backed up", target, as_json)


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
