"""``asteroid wal replay``: build a second index from the log, compare, and put it in place if asked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import INSTANT, LSN, errors_to_status
from asteroid_cloud.api.service.process_info import processors
from asteroid_cloud.indexer import (
    EngineOptions,
    Point,
    Reindex,
    ReindexReport,
    check_backed_up_log,
    reindex_into,
)
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, NotFound

T = TypeVar("T")


@click.command("replay")
@click.option(
    "--data",
    required=True,
    envvar="ASTEROID_DATA",
    show_envvar=True,
    type=click.Path(exists=True, file_okay=False),
    help="The store's folder. No server may have it open, but for --into.",
)
@click.option("--apply", is_flag=True, help="Put the rebuilt index in the live one's place; the old stays.")
@click.option(
    "--into",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Make a new store in this empty folder; the one of --data is only read, and may be open.",
)
@click.option("--until-lsn", type=LSN, help="With --into: up to this record.")
@click.option("--until-time", type=INSTANT, metavar="TIME", help="With --into: up to this moment.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
@errors_to_status
@collection_option("data", "look", beside_if="into", changes_if="apply")
def replay(
    data: str,
    apply: bool,
    into: str | None,
    until_lsn: int | None,
    until_time: int | None,
    as_json: bool,
) -> None:
    """Build the whole index from the log again and compare it with the live one.

    Every record is applied again and every graph is built again. Then the digests of both indexes are
    compared: equal digests mean that the live index holds exactly what the log says. Without --apply nothing
    is changed: the second index is built in the temporary folder of the system, TMPDIR, and the store may be
    a copy that cannot be written to. Exit status: 0 when they agree, 1 when they do not, 2 when the replay is
    impossible.

    With --into the records up to a certain one, or to a moment such as 2026-01-31T12:00:00Z, become a new
    store, whose index is read back and compared. The log must reach back to record 1.
    """
    _check_together(apply, into, until_lsn, until_time)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    # Somebody waits for it: every core may build.
    options = EngineOptions(build_threads=processors())
    run = Reindex(LocalFiles(), data, options)
    try:
        if not LocalFiles().exists(StoreLayout(data).collection().log):
            raise NotFound(f"there is no store in {data}")
        if into is not None:
            point = Point(lsn=until_lsn, time_ms=until_time)
            check_backed_up_log(LocalFiles(), data.rstrip("/"))
            made = _with_bar(errors, partial(reindex_into, LocalFiles(), data, into, point, options))
            _show_made(made, into, as_json)
            return
        replaced: str | None = None
        if apply:
            report, replaced = _with_bar(errors, run.apply)
        else:
            report = _with_bar(errors, run.compare)
    except AsteroidError as error:
        errors.print(f"[red]{error.code}[/]: {escape(error.message)}")
        sys.exit(2)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _print(report, apply, replaced)
    sys.exit(0 if report.agrees or apply else 1)


def _check_together(apply: bool, into: str | None, until_lsn: int | None, until_time: int | None) -> None:
    if into is not None and apply:
        raise click.UsageError("--apply and --into do not go together")
    if until_lsn is not None and until_time is not None:
        raise click.UsageError("--until-lsn and --until-time do not go together")
    if into is None and until_lsn is not None:
        raise click.UsageError("--until-lsn goes with --into DIR only")
    if into is None and until_time is not None:
        raise click.UsageError("--until-time goes with --into DIR only")


def _with_bar(console: Console, work: Callable[[Callable[[int, int], None]], T]) -> T:
    bar = Progress(
        TextColumn("Replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("records"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("replay", total=None)
        return work(lambda done, total: bar.update(task, completed=done, total=total))


def _show_made(report: ReindexReport, into: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    out = Console(highlight=False, soft_wrap=True)
    out.print(
        f"{escape(into)} holds {report.vectors:,} vectors in {report.segments} segments, as record "
        f"{report.to_lsn} left them."
    )
    out.print(f"digest: {report.digest}, [green]and so it reads back[/]")


def _print(report: ReindexReport, is_applied: bool, replaced: str | None) -> None:
    out = Console(highlight=False, soft_wrap=True)
    if report.from_lsn > 1:
        out.print(
            f"The log begins with record {report.from_lsn}; what came before was taken from the checkpoint."
        )
    out.print(
        f"Rebuilt {report.vectors:,} vectors in {report.segments} segments up to record {report.to_lsn}."
    )
    out.print(f"digest of the log:   {report.digest}")
    if report.live_digest is None:
        out.print(f"[red]The live index does not open: {escape(report.live_error or '')}[/]")
    else:
        out.print(f"digest of the index: {report.live_digest}")
        agrees = "[green]They agree.[/]" if report.agrees else "[red]They differ: the index is wrong.[/]"
        out.print(agrees)
    if is_applied:
        out.print(f"The rebuilt index is in place{f'; the old one is {replaced}' if replaced else ''}.")
