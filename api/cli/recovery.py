"""``asteroid recovery``: what a store has lost, and acknowledging it."""

from __future__ import annotations

import sys
import time

import msgspec
import rich_click as click

from asteroid_cloud.api.cli.collection import collection_option
from asteroid_cloud.api.cli.options import as_json_option, data_option, errors_to_status, print_json
from asteroid_cloud.indexer import DataLoss, acknowledge_losses, read_losses
from asteroid_cloud.indexer.catalog import rebuild_catalog as made_again
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.read import iso
from asteroid_cloud.wal.store import enter


@click.command()
@data_option
@click.option(
    "--acknowledge", is_flag=True, help="Acknowledge it, so that the store opens in every mode again."
)
@click.option(
    "--rebuild-catalog", is_flag=True, help="Make a damaged catalog again; what it was stays as evidence."
)
@as_json_option
@errors_to_status
@collection_option("data", "beside", changes_if="acknowledge")
def recovery(data: str, acknowledge: bool, rebuild_catalog: bool, as_json: bool) -> None:
    """Say what a store has lost to damage, and with --acknowledge let it open in every mode again.

    Only serve --recovery salvage and wal repair --apply give anything up. Until that is acknowledged the
    store opens in salvage mode only, for searches do not find what is lost. Without --acknowledge nothing is
    changed; with it no server may have the store open.

    A store whose catalog of collections is damaged does not open. With --rebuild-catalog one is made of what
    the folders of the collections say; only the aliases are lost.

    Exit status: 0 when nothing is lost that was not acknowledged, 1 when something is, or it cannot be read.
    """
    files, store = LocalFiles(), data.rstrip("/")
    if rebuild_catalog:
        _rebuild(files, store, as_json)
        return
    now_ms = time.time_ns() // 1_000_000
    losses = acknowledge_losses(files, store, now_ms) if acknowledge else read_losses(files, store)
    if as_json:
        print_json(msgspec.to_builtins(losses) | {"is_degraded": losses.is_open, "rows": losses.rows})
    else:
        _print(losses)
    sys.exit(1 if losses.is_open else 0)


def _rebuild(files: LocalFiles, store: str, as_json: bool) -> None:
    with enter(files, store) as access:
        made = made_again(access.files, StoreLayout(store))
    if as_json:
        print_json(made)
        return
    click.echo(f"the catalog has {len(made.collections)} collections: {', '.join(made.collections)}")
    for sentence in made.left_out:
        click.echo(f"left out: {sentence}")
    if made.kept:
        click.echo(f"kept: {made.kept}; its aliases are lost, set them again")


def _print(losses: DataLoss) -> None:
    if not losses.segments and not losses.records:
        click.echo("nothing is lost")
        return
    for segment in losses.segments:
        ids = f", ids {segment.least_id} to {segment.greatest_id}" if segment.least_id is not None else ""
        click.echo(f"lost: segment {segment.segment} with {segment.rows:,} rows{ids}: {segment.reason}")
        click.echo(f"  kept: {', '.join(segment.kept) or 'nothing'}")
    for records in losses.records:
        last = "on, if there were any" if records.last_lsn is None else f"to {records.last_lsn}"
        click.echo(f"lost: records {records.first_lsn} {last}")
        click.echo(f"  kept: {', '.join(records.kept) or 'nothing'}")
    if losses.evidence_purged_ms is not None:
        click.echo(f"evidence was removed by a purge at {iso(losses.evidence_purged_ms)}")
    if losses.is_open:
        click.echo("not acknowledged: the store opens with --recovery salvage only")
    else:
        click.echo("acknowledged")
