"""``asteroid wal stats``: what the log is made of."""

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
    log_to_read,
    print_json,
    print_table,
)
from asteroid_cloud.wal.read import LogStatistics, iso, statistics_of


@click.command()
@data_option
@as_json_option
@errors_to_status
@collection_option("data", "beside")
def stats(data: str, as_json: bool) -> None:
    """Count records, rows and bytes, by kind of event.

    Events of a frame are packed together; each kind gets its share of the packed bytes by what it was
    before. Status 1 when damage ended the counting.
    """
    found = statistics_of(log_to_read(data))
    if as_json:
        more = {"ratio": round(found.ratio, 4), "bytes_a_vector": round(found.bytes_a_vector, 1)}
        print_json(msgspec.to_builtins(found) | more)
    else:
        _print(found)
    if found.damage:
        click.echo(
            f"asteroid: {found.damage.path}, byte {found.damage.offset}: {found.damage.reason}", err=True
        )
        sys.exit(1)


def _print(found: LogStatistics) -> None:
    table = Table("event", box=None)
    for title in ("records", "rows", "raw bytes", "packed", "ratio"):
        table.add_column(title, justify="right")
    for kind in found.kinds:
        sizes = (f"{kind.raw_bytes:,}", f"{kind.packed_bytes:,.0f}", f"{kind.ratio:.2f}")
        table.add_row(kind.event, f"{kind.records:,}", f"{kind.rows:,}", *sizes)
    sizes = (f"{found.raw_bytes:,}", f"{found.packed_bytes:,}", f"{found.ratio:.2f}")
    table.add_row("all", f"{found.records:,}", f"{found.rows:,}", *sizes)
    print_table(table)
    if found.largest is None:
        return
    each = found.records / found.frames
    click.echo(f"{found.frames:,} frames of {each:,.1f} records, {found.records_a_frame_max:,} at the most")
    click.echo(f"LSN {found.first_lsn} to {found.last_lsn}, {iso(found.first_ms)} to {iso(found.last_ms)}")
    for jump in found.histories:
        click.echo(f"the store went back to record {jump.branched_at}, and on with record {jump.began_at}")
    if found.clock_steps_back:
        back_s = found.clock_back_ms_max / 1000
        click.echo(
            f"the clock went back {found.clock_steps_back:,} times; at most it was {back_s:,.1f} s behind"
        )
    if found.vectors:
        click.echo(f"{found.bytes_a_vector:,.1f} bytes a vector, with its id and payload")
    largest = found.largest
    click.echo(f"largest record: LSN {largest.lsn}, {largest.event}, {largest.raw_bytes:,} raw bytes")
