"""What the commands that look at a store have in common: options, instants, and how errors end them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from asteroid_cloud.wal import LSN_MAX, Lsn
from asteroid_cloud.wal.disk import LocalFiles, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import peek

WIDTH_WITHOUT_TERMINAL = 120
Arguments = ParamSpec("Arguments")

data_option = click.option(
    "--data",
    envvar="ASTEROID_DATA",
    required=True,
    metavar="DIR",
    show_envvar=True,
    help="The folder of the store.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class InstantType(click.ParamType[int]):
    """An instant of ISO 8601, in milliseconds since 1970; UTC unless it says otherwise."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds, rounded down; fails with a usage error that names the option."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return int(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no instant such as 2026-01-31T12:00:00Z", param, ctx)


INSTANT = InstantType()
LSN = click.IntRange(1, LSN_MAX)


def lsn_of(number: int | None) -> Lsn | None:
    """The option's number as an LSN."""
    return None if number is None else Lsn(number)


def errors_to_status(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """A command that ends in one line, with the error's code, and status 1 when a typed error is raised."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AsteroidError as error:
            click.echo(f"asteroid: {error.message} ({error.code})", err=True)
            sys.exit(1)

    return run


def log_to_read(data: str) -> LogReader:
    """The log of a store or backup, which a server may be writing; nothing is changed. Raises as ``peek``."""
    peek(LocalFiles(), data.rstrip("/"), backups=True)
    return LogReader(LocalFiles(), log_folder(data))


def log_folder(data: str) -> str:
    """Where the log of a store lies."""
    return StoreLayout(data.rstrip("/")).collection().log


def print_json(report: object) -> None:
    """A report as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(report)))


def print_table(table: Table) -> None:
    """A table as wide as the terminal, or as WIDTH_WITHOUT_TERMINAL."""
    Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL).print(table)
