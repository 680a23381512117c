"""``asteroid verify``: is every byte of a store what it should be, and do its parts agree?"""

from __future__ import annotations

import sys

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.indexer import EngineOptions, Reindex, ReindexReport, Verification, Verified
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import AsteroidError


class VerifyError(msgspec.Struct, frozen=True):
    """Why the check was impossible."""

    code: str
    message: str


class VerifyReport(msgspec.Struct, frozen=True):
    """What ``--json`` prints."""

    ok: bool
    store: Verified | None
    """None when the check was impossible."""
    replay: ReindexReport | None
    error: VerifyError | None = None


@click.command()
@click.option(
    "--data",
    required=True,
    envvar="ASTEROID_DATA",
    show_envvar=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="The folder of a store, which a server may have open, or of a backup.",
)
@click.option(
    "--replay",
    is_flag=True,
    help="Also build a second index from the log, and compare; no server may have the store open.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def verify(data: str, replay: bool, as_json: bool) -> None:
    """Check a store: all checksums, links, ids, payloads and columns, the log, and that they fit together.

    Of a backup each file is compared with its list, too. A loss that was not acknowledged is a finding.
    Nothing is changed, so that the store may be a copy that cannot be written to. Beside a server it checks
    the newest checkpoint, and the log as far as it was written. Exit status: 0 when all is well, 1 when
    something is not, 2 when the check is impossible; --json prints one line in each case.
    """
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    replayed: ReindexReport | None = None
    try:
        found = Verification(LocalFiles(), data).run()
        if replay and found.ok:
            replayed = Reindex(LocalFiles(), data, EngineOptions()).compare(lambda done, total: None)
    except AsteroidError as error:
        errors.print(f"[red]{error.code}[/]: {escape(error.message)}")
        if as_json:
            _print_json(VerifyReport(False, None, None, VerifyError(error.code, error.message)))
        sys.exit(2)
    ok = found.ok and (replayed is None or replayed.agrees)
    if as_json:
        _print_json(VerifyReport(ok, found, replayed))
    else:
        _print(found, replayed)
    sys.exit(0 if ok else 1)


def _print_json(report: VerifyReport) -> None:
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def _print(found: Verified, replayed: ReindexReport | None) -> None:
    out = Console(highlight=False, soft_wrap=True)
    for finding in found.findings:
        out.print(f"[red]{escape(finding.place)}[/]: {escape(finding.problem)}")
        out.print(f"  [dim]{escape(finding.advice)}[/]")
    for note in found.notes:
        out.print(f"[yellow]note[/]: {escape(note)}")
    out.print(
        f"{found.segments} segments with {found.vectors:,} vectors up to record {found.checkpoint_lsn}, "
        f"{found.records:,} records in the log up to {found.last_lsn}."
    )
    if found.digest:
        out.print(f"digest: {found.digest}")
    if replayed is not None:
        agrees = "[green]agrees with the log[/]" if replayed.agrees else "[red]differs from the log[/]"
        out.print(f"The index {agrees}: {replayed.digest}")
    if found.is_in_use:
        out.print("A server has it open: this was its newest checkpoint, and the log as far as written.")
    if found.is_backup:
        out.print("It is a backup, and was compared with its list.")
    wrong = "[green]Nothing is wrong.[/]" if found.ok else f"[red]{len(found.findings)} findings.[/]"
    out.print(wrong)
