"""``asteroid wal replay``: rebuild the index from the log, compare, and put it in place if asked."""

from __future__ import annotations

import sys

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asteroid_cloud.indexer import EngineOptions, Replay, ReplayReport
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import AsteroidError, NotFound


@click.command("replay")
@click.option(
    "--data",
    required=True,
    envvar="ASTEROID_DATA",
    show_envvar=True,
    type=click.Path(exists=True, file_okay=False),
    help="The store's folder. No server may have it open.",
)
@click.option("--apply", is_flag=True, help="Put the rebuilt index in the live one's place; the old is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def replay(data: str, apply: bool, as_json: bool) -> None:
    """Rebuild the whole index from the log and compare it with the live one.

    Every record is folded again and every graph built anew, beside the live index. Then the digests of both
    are compared: equal digests mean that the live index holds exactly what the log says. Without --apply
    nothing is changed. Exit status: 0 when they agree, 1 when they do not, 2 when the replay is impossible.
    """
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    run = Replay(LocalFiles(), data, EngineOptions())
    try:
        if not LocalFiles().exists(f"{data}/wal"):
            raise NotFound(f"there is no store in {data}")
        report = _run(run, errors)
        kept = run.install() if apply else None
        if not apply:
            run.discard()
    except AsteroidError as error:
        errors.print(f"[red]{error.code}[/]: {escape(error.message)}")
        sys.exit(2)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _print(report, apply, kept)
    sys.exit(0 if report.agrees or apply else 1)


def _run(run: Replay, console: Console) -> ReplayReport:
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
        return run.run(lambda done, total: bar.update(task, completed=done, total=total))


def _print(report: ReplayReport, is_applied: bool, kept: str | None) -> None:
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
        out.print(f"The rebuilt index is in place{f'; the old one is kept as {kept}' if kept else ''}.")
