"""``asteroid wal``: the group of commands, and ``ls`` and ``verify``, which change nothing."""

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
from asteroid_cloud.api.cli.wal.dump import dump
from asteroid_cloud.api.cli.wal.stats import stats
from asteroid_cloud.api.cli.wal.transfer import export_command, import_command
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.read import Damage


class VerifyResult(msgspec.Struct):
    """What ``verify --json`` prints."""

    ok: bool
    files: int
    bytes: int
    records: int
    first_lsn: Lsn
    last_lsn: Lsn
    torn_tail: Damage | None
    damage: list[Damage]


@click.group()
def wal() -> None:
    """Look at the log of a store, running or stopped. Commands that change a log need the store stopped."""


wal.add_command(dump)
wal.add_command(stats)
wal.add_command(export_command)
wal.add_command(import_command)


@wal.command()
@data_option
@as_json_option
@errors_to_status
@collection_option("data", "beside")
def ls(data: str, as_json: bool) -> None:
    """List the files: their records, LSNs and bytes."""
    states = log_to_read(data).check(bodies=False).files
    if as_json:
        print_json(states)
        return
    table = Table("file", "first LSN", "last LSN", "records", "frames", "bytes", "", box=None)
    for state in states:
        note = "damaged" if state.damage else "torn tail" if state.torn else ""
        last = str(state.last_lsn) if state.records else "-"
        numbers = (str(state.records), str(state.frames), str(state.bytes))
        table.add_row(state.path.rpartition("/")[2], str(state.first_lsn), last, *numbers, note)
    print_table(table)


@wal.command()
@data_option
@as_json_option
@errors_to_status
@collection_option("data", "beside")
def verify(data: str, as_json: bool) -> None:
    """Check every file, frame and record. Status 1 at damage.

    A torn tail is no damage: it is the rest of an unacknowledged write that a crash cut off, or a write under
    way. The next start cuts it off and keeps a copy.
    """
    found = log_to_read(data).check(bodies=True)
    damage = found.damage
    result = VerifyResult(
        ok=not damage,
        files=len(found.files),
        bytes=found.bytes,
        records=found.records,
        first_lsn=found.first_lsn,
        last_lsn=found.last_lsn,
        torn_tail=found.torn_tail,
        damage=damage,
    )
    if as_json:
        print_json(result)
    else:
        _print(result)
    if damage:
        sys.exit(1)


def _print(result: VerifyResult) -> None:
    for damage in result.damage:
        click.echo(f"damage: {_place(damage)}")
    if result.torn_tail:
        click.echo(f"torn tail: {_place(result.torn_tail)}; the next start cuts it off")
    found = f"{result.records} records in {result.files} files, LSN {result.first_lsn} to {result.last_lsn}"
    click.echo(f"{found}: {'ok' if result.ok else 'damaged'}")


def _place(damage: Damage) -> str:
    return f"{damage.path}, byte {damage.offset}: {damage.reason}"
