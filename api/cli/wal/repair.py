"""``asteroid wal repair``: what can be saved of a log that recovery refuses, and saving it."""

from __future__ import annotations

import sys

import msgspec
import rich_click as click
from rich.table import Table

from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import (
    as_json_option,
    data_option,
    errors_to_status,
    print_json,
    print_table,
)
from asteroid_cloud.indexer import LogRepair, RepairReport
from asteroid_cloud.wal import LocalFiles


@click.command()
@data_option
@click.option("--apply", is_flag=True, help="Change the log; what is removed stays as ….broken.")
@as_json_option
@errors_to_status
@collection_option("data", "beside", changes_if="apply")
def repair(data: str, apply: bool, as_json: bool) -> None:
    """Find out what can be saved of a damaged log, and with --apply leave just that. Else nothing is changed.

    For what recovery refuses: damage with whole records behind it, a missing file, a file of another store.
    Nothing behind a gap can be replayed, unless the checkpoint holds what was in the gap: then the log
    begins behind it, and nothing is lost. Else it ends before the gap, and the loss is recorded: the store
    opens once it is acknowledged, see "asteroid recovery". Torn tails need no repair.

    Exit status: 0 when nothing is to be done or it was done, 1 when --apply is needed, or it cannot be done.
    """
    run = LogRepair(LocalFiles(), data.rstrip("/"))
    report = run.apply() if apply else run.look()
    if as_json:
        more = {"is_needed": report.plan.is_needed}
        print_json(msgspec.to_builtins(report) | more)
    else:
        _print(report)
    sys.exit(1 if report.plan.is_needed and not report.is_applied else 0)


def _print(report: RepairReport) -> None:
    plan = report.plan
    for damage in plan.damage:
        word = "damage" if plan.is_needed else "torn tail, which the next start cuts off"
        click.echo(f"{word}: {damage.path}, byte {damage.offset}: {damage.reason}")
    if report.index_error:
        click.echo(f"the index does not open, so the log has to hold everything: {report.index_error}")
    elif plan.checkpoint_lsn:
        click.echo(f"the checkpoint holds records 1 to {plan.checkpoint_lsn}")
    held = f"records {plan.first_lsn} to {plan.last_lsn}" if plan.last_lsn >= plan.first_lsn else "no record"
    if not plan.is_needed:
        click.echo(f"nothing to repair: the log holds {held}")
        return
    table = Table("file", "what", "at byte", "bytes taken away", box=None)
    for step in plan.steps:
        table.add_row(step.path.rpartition("/")[2], step.kind, str(step.offset), f"{step.bytes:,}")
    if plan.steps:
        print_table(table)
    holds = "holds" if report.is_applied else "would hold"
    click.echo(f"the log {holds} {held}; the store is as record {plan.last_lsn} left it")
    if plan.lost is None and plan.may_lack_more:
        click.echo(f"lost: records {plan.last_lsn + 1} on, if there were any")
    elif plan.lost is None:
        click.echo("no record is lost")
    else:
        click.echo(f"lost: records {plan.lost.first} to {plan.lost.last}")
        for whole in plan.lost_but_whole:
            click.echo(f"  of them {whole.first} to {whole.last} are whole, and stay readable in ….broken")
    for path in report.kept:
        click.echo(f"kept: {path}")
    if report.is_applied and (plan.lost is not None or plan.may_lack_more):
        click.echo("the loss is recorded: look at it with asteroid recovery, then --acknowledge it")
    if not report.is_applied:
        click.echo("nothing was changed; --apply does this")
