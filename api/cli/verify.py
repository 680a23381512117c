"""``asteroid verify``: is every byte of a store what it should be, and do its parts agree?"""

from __future__ import annotations

import sys

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from asteroid_cloud.api.cli.collection import catalog_of
from asteroid_cloud.indexer import (
    CatalogCheck,
    CatalogVerified,
    EngineOptions,
    Finding,
    Reindex,
    ReindexReport,
    Verification,
    Verified,
)
from asteroid_cloud.indexer.catalog import no_collection
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import DEFAULT, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.store import look


class VerifyError(msgspec.Struct, frozen=True):
    """Why a check was impossible."""

    code: str
    message: str


class CatalogReport(msgspec.Struct, frozen=True):
    """What was found of the names and folders of collections."""

    findings: list[Finding]
    notes: list[str]


class VerifyReport(msgspec.Struct, frozen=True):
    """What ``--json`` prints; below ``collections`` it is of one of them."""

    ok: bool
    store: Verified | None
    """None when the check was impossible."""
    replay: ReindexReport | None
    error: VerifyError | None = None
    collections: dict[str, VerifyReport] | msgspec.UnsetType = msgspec.UNSET
    """Of the collections beside ``default``, by name, where there are any."""
    catalog: CatalogReport | msgspec.UnsetType = msgspec.UNSET
    """Of their names, where there is something to say."""


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

    All of its collections are checked, each on its own, and the catalog that names them.
    Of a backup each file is compared with its list, too. A loss that was not acknowledged is a finding.
    Nothing is changed, so that the store may be a copy that cannot be written to. Beside a server it checks
    the newest checkpoint, and the log as far as it was written. Exit status: 0 when all is well, 1 when
    something is not, 2 when that is not known because a check is impossible; --json prints one line in each
    case.
    """
    try:
        catalog = CatalogCheck(LocalFiles(), data.rstrip("/")).run()
        found = _all_checked(data, collection, catalog, replay)
    except AsteroidError as error:
        found, catalog = {DEFAULT: _impossible(error)}, CatalogVerified([], [], [])
    ok = catalog.ok and all(each.ok for each in found.values())
    if as_json:
        first, *others = found
        more = {name: found[name] for name in others} or msgspec.UNSET
        told = bool(catalog.findings or catalog.notes)
        names = CatalogReport(catalog.findings, catalog.notes) if told else msgspec.UNSET
        _print_json(msgspec.structs.replace(found[first], ok=ok, collections=more, catalog=names))
    else:
        _print_catalog(catalog)
        for name, report in found.items():
            _print(report, name if len(found) > 1 else None)
    sys.exit(_status(catalog, list(found.values())))


def _status(catalog: CatalogVerified, reports: list[VerifyReport]) -> int:
    """What is wrong for certain counts more than what is not known."""
    if not catalog.ok or any(not each.ok and each.error is None for each in reports):
        return 1
    return 0 if all(each.ok for each in reports) else 2


def _all_checked(
    data: str, collection: str | None, catalog: CatalogVerified, replay: bool
) -> dict[str, VerifyReport]:
    """What is found in each collection, by name; raises what makes all checks impossible."""
    wanted = {DEFAULT: DEFAULT} | {entry.name: entry.id for entry in catalog.entries}
    if collection is not None:
        name = collection if collection in wanted else catalog_of(data).resolve(collection)
        if name not in wanted:
            raise no_collection(collection)
        wanted = {name: wanted[name]}
    found = {name: _checked(data, id_, replay) for name, id_ in wanted.items()}
    for name in [name for name, each in found.items() if not each.ok and _is_gone(data, wanted[name])]:
        del found[name]  # a server removed it meanwhile
    if not found:
        raise no_collection(collection)
    return found


def _is_gone(data: str, id_: str) -> bool:
    """Whether there is no such collection any more."""
    try:
        return id_ != DEFAULT and id_ not in catalog_of(data).ids
    except AsteroidError:
        return False


def _impossible(error: AsteroidError) -> VerifyReport:
    return VerifyReport(False, None, None, VerifyError(error.code, error.message))


def _checked(data: str, id_: str, replay: bool) -> VerifyReport:
    """What is found in one collection, or what makes that impossible."""
    files, store, replayed = LocalFiles(), data.rstrip("/"), None
    try:
        found = Verification(files, store, id_).run()
        if replay and found.ok:
            with look(files, store, backups=True):
                folder = StoreLayout(store).collection(id_).folder
                replayed = Reindex(files, folder, EngineOptions()).compare(lambda done, total: None)
    except AsteroidError as error:
        return _impossible(error)
    ok = found.ok and (replayed is None or replayed.agrees)
    return VerifyReport(ok, found, replayed)


def _print_json(report: VerifyReport) -> None:
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def _print_catalog(found: CatalogVerified) -> None:
    out = Console(highlight=False, soft_wrap=True)
    if found.findings or found.notes:
        out.print("[bold]catalog[/]")
        _print_told(out, found.findings, found.notes)


def _print_told(out: Console, findings: list[Finding], notes: list[str]) -> None:
    for finding in findings:
        out.print(f"[red]{escape(finding.place)}[/]: {escape(finding.problem)}")
        out.print(f"  [dim]{escape(finding.advice)}[/]")
    for note in notes:
        out.print(f"[yellow]note[/]: {escape(note)}")


def _print(report: VerifyReport, name: str | None) -> None:
    out, found, replayed = Console(highlight=False, soft_wrap=True), report.store, report.replay
    if name is not None:
        out.print(f"[bold]{name}[/]")
    if report.error is not None or found is None:
        assert report.error is not None
        errors = Console(stderr=True, soft_wrap=True, highlight=False)
        errors.print(f"[red]{report.error.code}[/]: {escape(report.error.message)}")
        return
    _print_told(out, found.findings, found.notes)
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
