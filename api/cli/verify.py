"""``asteroid verify``: is every byte of a store what it should be, and do its parts agree?"""

from __future__ import annotations

import sys

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.api.cli.collection import catalog_of
from asteroid_cloud.indexer import EngineOptions, Reindex, ReindexReport, Verification, Verified
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import DEFAULT, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.store import look


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
    collections: dict[str, VerifyReport] | msgspec.UnsetType = msgspec.UNSET
    """Of the collections beside ``default``, by name, where there are any."""


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
@click.option("--collection", metavar="NAME", help="Only this collection; an alias will do.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def verify(data: str, replay: bool, collection: str | None, as_json: bool) -> None:
    """Check a store: all checksums, links, ids, payloads and columns, the log, and that they fit together.

    All of its collections are checked, and the catalog that names them.
    Of a backup each file is compared with its list, too. A loss that was not acknowledged is a finding.
    Nothing is changed, so that the store may be a copy that cannot be written to. Beside a server it checks
    the newest checkpoint, and the log as far as it was written. Exit status: 0 when all is well, 1 when
    something is not, 2 when the check is impossible; --json prints one line in each case.
    """
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        wanted = _wanted(data, collection)
        found = {name: _checked(data, id_, replay) for name, id_ in wanted.items()}
    except AsteroidError as error:
        errors.print(f"[red]{error.code}[/]: {escape(error.message)}")
        if as_json:
            _print_json(VerifyReport(False, None, None, VerifyError(error.code, error.message)))
        sys.exit(2)
    ok = all(each.ok for each in found.values())
    first, *others = found
    if as_json:
        more = {name: found[name] for name in others}
        _print_json(msgspec.structs.replace(found[first], ok=ok, collections=more or msgspec.UNSET))
    else:
        for name, report in found.items():
            _print(report, name if len(found) > 1 else None)
    sys.exit(0 if ok else 1)


def _wanted(data: str, collection: str | None) -> dict[str, str]:
    """The ids of the collections to check, by name; raises CorruptionError when the catalog is damaged."""
    catalog = catalog_of(data)
    ids = {DEFAULT: DEFAULT} | {name: entry.id for name, entry in catalog.entries.items()}
    if collection is None:
        return ids
    name = catalog.resolve(collection)
    return {name: ids[name]}


def _checked(data: str, id_: str, replay: bool) -> VerifyReport:
    """What is found in one collection; raises what makes that impossible."""
    files, store = LocalFiles(), data.rstrip("/")
    found, replayed = Verification(files, store, id_).run(), None
    if replay and found.ok:
        with look(files, store, backups=True):
            folder = StoreLayout(store).collection(id_).folder
            replayed = Reindex(files, folder, EngineOptions()).compare(lambda done, total: None)
    ok = found.ok and (replayed is None or replayed.agrees)
    return VerifyReport(ok, found, replayed)


def _print_json(report: VerifyReport) -> None:
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def _print(report: VerifyReport, name: str | None) -> None:
    out, found, replayed = Console(highlight=False, soft_wrap=True), report.store, report.replay
    assert found is not None
    if name is not None:
        out.print(f"[bold]{name}[/]")
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
